//! What classification consumes: everything of intake and of routing. A batch is read once from intake, labelled off the
//! async threads, and written with three statements.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chassis::consumer::{Batch, Handler, Incoming};
use chassis::grpc::{Peer, request};
use chassis::metrics::Labels;
use chassis::trace::Trace;
use chassis::{Clock, Draft, Failure};
use contracts::ComplaintId;
use contracts::classification::Label;
use contracts::common::{Actor, Owner, Role};
use contracts::event::event::{Facet, Fact};
use contracts::event::{ClassificationFacet, Classified, ErasureConfirmed};
use contracts::intake::intake_service_client::IntakeServiceClient;
use contracts::intake::{Content, TextsRequest, Viewer};
use contracts::lifecycle::{Facets, Version};
use deadpool_postgres::Transaction;
use prometheus_client::metrics::{counter::Counter, family::Family};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::calibration::Register;
use crate::domain::classify::{Classifier, Hints};
use crate::label::{self, Said, by_person, fold};
use crate::lessons::{self, Lessons};
use crate::likeness::Alike;
use crate::likeness::table::{self as likeness, Note, Reading};
use crate::live::Live;
use crate::store::{self, Kept, NewLabel};
use crate::wire;

/// Complaints that intake gives in one call.
const TEXTS: usize = 500;

/// Labels what is new, and learns from what persons decide.
#[derive(Clone)]
pub struct Events {
    /// The model and all that belongs to it, as they are now.
    pub live: Arc<Live>,
    /// Where texts are read.
    pub intake: IntakeServiceClient<Peer>,
    /// The time.
    pub clock: Clock,
    /// Labels published, by who gave them and whether they were sure.
    pub labels: Family<Labels, Counter>,
    /// Where similar complaints are found.
    pub alike: Arc<Alike>,
}

/// Whether the text that an event is about has to be read.
fn changes_text(incoming: &Incoming) -> bool {
    matches!(
        incoming.event.fact,
        Some(Fact::Received(_) | Fact::Proposed(_) | Fact::Supplemented(_) | Fact::Redacted(_))
    )
}

/// Whether an event can end a complaint or begin it anew: only open ones are found as similar.
fn ends_or_begins(incoming: &Incoming) -> bool {
    matches!(
        incoming.event.fact,
        Some(
            Fact::Closed(_)
                | Fact::Withdrawn(_)
                | Fact::Rejected(_)
                | Fact::Verified(_)
                | Fact::Reopened(_)
        )
    )
}

impl Events {
    async fn texts(&self, ids: &[String], trace: Option<Trace>) -> Result<Vec<Content>, Failure> {
        let ask = TextsRequest {
            complaint_ids: ids.to_vec(),
            viewer: Some(Viewer {
                actor: Some(Actor {
                    role: Role::System.into(),
                    ..Actor::default()
                }),
                purpose: "classify".into(),
                ..Viewer::default()
            }),
        };
        let answer = self.intake.clone().texts(request(ask, trace)).await?;
        Ok(answer.into_inner().contents)
    }

    /// Labels texts on a thread where computing blocks nobody.
    async fn label(&self, contents: Vec<Content>) -> Result<Vec<(ComplaintId, Read)>, Failure> {
        let classifier = self.live.classifier();
        let labelled = tokio::task::spawn_blocking(move || {
            contents
                .iter()
                // What intake no longer has cannot be read; that it is erased is told by an event of its own.
                .filter(|content| !content.erased && !content.hidden)
                .filter_map(|content| {
                    let id = content.complaint_id.parse().ok()?;
                    let read = Read {
                        label: of_content(&classifier, content),
                        reading: Reading::of(&content.text, content.position.as_ref()),
                    };
                    Some((id, read))
                })
                .collect()
        });
        labelled
            .await
            .map_err(|e| Failure::unavailable("a thread", e))
    }

    fn count(&self, facet: &ClassificationFacet) {
        let by = if by_person(facet) { "person" } else { "model" };
        let labels = vec![
            ("by", by.to_owned()),
            ("abstained", facet.abstained.to_string()),
        ];
        self.labels.get_or_create(&labels).inc();
    }
}

fn of_content(classifier: &Classifier, content: &Content) -> Label {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (category, area) = (some(&content.category_hint), some(&content.area_hint));
    let answer = some(&content.place_answer);
    let hints = Hints {
        category: category.as_deref(),
        area: area.as_deref(),
        pin: content.position.as_ref().map(|at| (at.lat, at.lon)),
        photo: content.photo_position.as_ref().map(|at| (at.lat, at.lon)),
        place_answer: answer.as_deref(),
        register: Register::of_channel(&content.channel),
    };
    let text = with_shapes(&content.text);
    wire::label(classifier.classify(&text, hints), classifier.version())
}

/// Puts a number's or an address's shape where intake masked one: the model learned from texts in which it saw that there
/// was one. A masked name leaves nothing.
fn with_shapes(text: &str) -> String {
    text.replace("[NIK]", "0000000000000000")
        .replace("[telepon]", "000000000")
        .replace("[nomor]", "000000000")
        .replace("[email]", "x@x.id")
        .replace("[nama]", "")
}

impl Handler for Events {
    type Prepared = Vec<(ComplaintId, Read)>;

    fn owners(&self) -> &'static [Owner] {
        &[Owner::Intake, Owner::Routing]
    }

    async fn prepare(&self, events: &[Incoming]) -> Result<Self::Prepared, Failure> {
        let changed: Vec<&Incoming> = events.iter().filter(|i| changes_text(i)).collect();
        let ids: BTreeSet<&str> = changed
            .iter()
            .map(|i| i.event.complaint_id.as_str())
            .collect();
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        let trace = changed.iter().find_map(|i| i.trace);
        let mut contents = Vec::with_capacity(ids.len());
        for ids in ids.chunks(TEXTS) {
            contents.extend(self.texts(ids, trace).await?);
        }
        if contents.is_empty() {
            return Ok(Vec::new());
        }
        self.label(contents).await
    }

    async fn handle(
        &self,
        tx: &Transaction<'_>,
        batch: &Batch,
        prepared: Self::Prepared,
    ) -> Result<Vec<Draft>, Failure> {
        let now = self.clock.now();
        let mut work = Work::sort(batch, prepared);
        if work.ids.is_empty() && work.erased.is_empty() {
            return Ok(Vec::new());
        }
        let mut drafts: Vec<Draft> = work
            .erased
            .iter()
            .map(|id| Draft {
                complaint: *id,
                at: now,
                fact: Fact::ErasureConfirmed(ErasureConfirmed {}),
                facet: Facet::Classification(ClassificationFacet {
                    erased: true,
                    ..ClassificationFacet::default()
                }),
                trace: None,
            })
            .collect();
        store::erase(tx, &work.erased).await?;
        likeness::erase(tx, &work.erased, now).await?;
        if work.lessons.values().any(|l| !l.is_empty()) {
            let ids: Vec<ComplaintId> = work.lessons.keys().copied().collect();
            let kept = store::load(tx, &ids).await?;
            store::learn(tx, &work.learned(&kept)).await?;
            store::unlearn(tx, &work.taken_back()).await?;
        }
        let mut kept = store::load(tx, &work.ids).await?;
        let mut settled = Vec::with_capacity(work.ids.len());
        let mut standing = Vec::with_capacity(work.ids.len());
        for id in &work.ids {
            let known = kept.remove(id).unwrap_or_default();
            let suspected = is_suspected(batch.facets.get(id));
            let read = work.prepared.remove(id);
            let reading = read.as_ref().map(|read| read.reading);
            let text = work.texts.get(id).copied().unwrap_or(Said::NEVER);
            let new = read.map(|Read { label, .. }| Said {
                label,
                at: now,
                text,
            });
            let before = known.facet.clone();
            match self.settle(known, new, suspected) {
                Some(label) => {
                    // An older text that was read later says nothing.
                    let newest = label.said.as_ref().is_some_and(|said| said.text == text);
                    let reading = reading.filter(|_| newest);
                    standing.push((*id, label.facet.clone(), reading));
                    settled.push((*id, label));
                }
                None => standing.extend(before.map(|facet| (*id, facet, None))),
            }
        }
        let notes: Vec<Note<'_>> = standing
            .iter()
            .filter_map(|(id, label, reading)| {
                let intake = batch.facets.get(id)?.intake.as_ref()?;
                Some(Note {
                    complaint: *id,
                    reading: *reading,
                    label,
                    intake: &intake.facet,
                })
            })
            .collect();
        likeness::keep(tx, &notes).await?;
        let labels: Vec<NewLabel<'_>> = settled
            .iter()
            .map(|(id, settled)| NewLabel {
                complaint: *id,
                facet: &settled.facet,
                said: settled.said.as_ref(),
            })
            .collect();
        store::save(tx, &labels).await?;
        for (id, settled) in settled {
            if settled.publish {
                self.count(&settled.facet);
                drafts.push(draft(id, now, settled.facet, None));
            }
        }
        Ok(drafts)
    }

    fn committed(&self, _batch: &Batch) {
        self.alike.wake();
    }
}

/// What a text says, and what is kept to find others like it.
#[derive(Debug)]
pub struct Read {
    label: Label,
    reading: Reading,
}

/// A label to be kept.
struct Settled {
    facet: ClassificationFacet,
    said: Option<Said>,
    /// Whether the others have to hear of it.
    publish: bool,
}

impl Events {
    /// The label after what has come; none when nothing has changed.
    fn settle(&self, known: Kept, new: Option<Said>, suspected: bool) -> Option<Settled> {
        let Kept {
            facet: before,
            said: said_before,
            corrections,
        } = known;
        let said = match new {
            Some(new) => Some(new.after(said_before.as_ref())),
            None => said_before.clone(),
        };
        let facet = fold(
            said.as_ref(),
            &corrections,
            suspected,
            self.live.classifier().taxonomy(),
        )?;
        match before.filter(|before| label::same(before, &facet)) {
            None => Some(Settled {
                facet,
                said,
                publish: true,
            }),
            Some(before) => {
                let read = |said: &Option<Said>| said.as_ref().map(|s| (s.label.clone(), s.text));
                (read(&said) != read(&said_before)).then_some(Settled {
                    facet: before,
                    said,
                    publish: false,
                })
            }
        }
    }
}

/// The event about a label.
pub(crate) fn draft(
    complaint: ComplaintId,
    at: OffsetDateTime,
    facet: ClassificationFacet,
    trace: Option<Trace>,
) -> Draft {
    Draft {
        complaint,
        at,
        fact: Fact::Classified(Classified {
            label_id: Uuid::now_v7().to_string(),
            correction: by_person(&facet),
        }),
        facet: Facet::Classification(facet),
        trace,
    }
}

/// The reporter's own word that it is about abuse of office.
pub(crate) fn is_suspected(facets: Option<&Facets>) -> bool {
    facets
        .and_then(|f| f.intake.as_ref())
        .is_some_and(|n| n.facet.oversight_suspected)
}

pub(crate) fn is_erased(facets: Option<&Facets>) -> bool {
    facets
        .and_then(|f| f.intake.as_ref())
        .is_some_and(|n| n.facet.erased_at.is_some())
}

/// What a batch asks for.
#[derive(Default)]
struct Work {
    /// Complaints with something to settle.
    ids: Vec<ComplaintId>,
    prepared: HashMap<ComplaintId, Read>,
    /// The newest event of each whose text was read.
    texts: HashMap<ComplaintId, Version>,
    lessons: HashMap<ComplaintId, Lessons>,
    /// To be forgotten and confirmed.
    erased: Vec<ComplaintId>,
}

impl Work {
    fn sort(batch: &Batch, prepared: Vec<(ComplaintId, Read)>) -> Self {
        let mut work = Self {
            prepared: prepared.into_iter().collect(),
            ..Self::default()
        };
        let mut by_complaint: HashMap<ComplaintId, Vec<&Incoming>> = HashMap::new();
        for incoming in &batch.events {
            let matters = changes_text(incoming)
                || ends_or_begins(incoming)
                || matches!(incoming.event.fact, Some(Fact::Erased(_)))
                || lessons::teaches(&incoming.event);
            if matters && let Ok(id) = incoming.event.complaint_id.parse() {
                by_complaint.entry(id).or_default().push(incoming);
            }
        }
        for (id, incoming) in by_complaint {
            let facets = batch.facets.get(&id);
            let erasure = |i: &&Incoming| matches!(i.event.fact, Some(Fact::Erased(_)));
            if incoming.iter().any(erasure) {
                work.erased.push(id);
            }
            // What comes late about an erased complaint is let go.
            if is_erased(facets) {
                continue;
            }
            let texts = incoming.iter().filter(|i| changes_text(i));
            if let Some(newest) = texts.map(|i| Version::of(&i.event)).max() {
                work.texts.insert(id, newest);
            }
            let routing = facets.and_then(|f| f.routing.as_ref());
            let learned = lessons::read(incoming.iter().map(|i| &i.event), routing);
            if !learned.is_empty() {
                work.lessons.insert(id, learned);
            }
            work.ids.push(id);
        }
        // What was prepared for repetitions only is not of this batch.
        let texts = &work.texts;
        work.prepared.retain(|id, _| texts.contains_key(id));
        work
    }

    fn learned<'a>(
        &'a self,
        kept: &'a HashMap<ComplaintId, Kept>,
    ) -> Vec<(ComplaintId, &'a lessons::Lesson, Option<&'a Said>)> {
        self.lessons
            .iter()
            .flat_map(|(id, lessons)| lessons.learned.iter().map(move |l| (*id, l)))
            .map(|(id, lesson)| (id, lesson, kept.get(&id).and_then(|k| k.said.as_ref())))
            .collect()
    }

    fn taken_back(&self) -> Vec<(ComplaintId, Version)> {
        self.lessons
            .iter()
            .flat_map(|(id, lessons)| lessons.taken_back.iter().map(move |v| (*id, *v)))
            .collect()
    }
}
