//! What classification consumes: everything of intake and of routing. A batch is read once from intake, labelled off the
//! async threads, and written with three statements.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chassis::consumer::{Batch, Handler, Incoming};
use chassis::grpc::Peer;
use chassis::metrics::Labels;
use chassis::trace::Trace;
use chassis::{Clock, Draft, Failure};
use contracts::ComplaintId;
use contracts::classification::Label;
use contracts::common::Owner;
use contracts::event::event::{Facet, Fact};
use contracts::event::{ClassificationFacet, Classified, ErasureConfirmed};
use contracts::intake::Content;
use contracts::intake::intake_service_client::IntakeServiceClient;
use contracts::lifecycle::{Facets, Version};
use deadpool_postgres::Transaction;
use prometheus_client::metrics::{counter::Counter, family::Family};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::calibration::Register;
use crate::domain::classify::{Classifier, Hints};
use crate::domain::evidence::is_sampled;
use crate::label::{self, Said, Taught, by_person, fold};
use crate::learner::Learner;
use crate::lessons::{self, Lessons};
use crate::likeness::Alike;
use crate::likeness::table::{self as likeness, Note, Reading};
use crate::live::Live;
use crate::store::evidence::Sampled;
use crate::store::lessons::NewLesson;
use crate::store::{self, Kept, NewLabel};
use crate::texts;
use crate::wire;

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
    /// The secret of the audit sample, and its share.
    pub sample: (String, f64),
    /// Learns what was committed.
    pub learner: Arc<Learner>,
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
    let text = texts::with_shapes(&content.text);
    wire::label(classifier.classify(&text, hints), classifier)
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
        for ids in ids.chunks(texts::MOST) {
            contents.extend(texts::of(&self.intake, ids, trace).await?);
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
        let mut work = Work::sort(batch, prepared, |incoming| self.is_sampled(incoming));
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
        store::lessons::erase(tx, &work.erased, now).await?;
        store::evidence::erase(tx, &work.erased).await?;
        likeness::erase(tx, &work.erased, now).await?;
        if work.lessons.values().any(|l| !l.is_empty()) {
            let ids: Vec<ComplaintId> = work.lessons.keys().copied().collect();
            let kept = store::load(tx, &ids).await?;
            let learned = work.learned(&kept);
            let first = store::lessons::numbers(tx, learned.len()).await?;
            store::corrections::learn(tx, first, &learned).await?;
            store::corrections::unlearn(tx, &work.taken_back()).await?;
            store::evidence::decided(tx, &work.agreed(&kept), now).await?;
            let undone: Vec<ComplaintId> = work.taken_back().iter().map(|(id, _)| *id).collect();
            store::evidence::taken_back(tx, &undone).await?;
        }
        let mut kept = store::load(tx, &work.ids).await?;
        store::evidence::sample(tx, &self.sampled(&work, &kept, now)).await?;
        self.teach(tx, &work, &kept, now).await?;
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
        self.learner.wake();
    }
}

impl Events {
    /// Whether an event tells that a complaint of the audit sample was routed without a person.
    fn is_sampled(&self, incoming: &Incoming) -> bool {
        let (salt, share) = &self.sample;
        lessons::automatic(&incoming.event).is_some()
            && incoming
                .event
                .complaint_id
                .parse()
                .is_ok_and(|id: ComplaintId| is_sampled(salt, id.0, *share))
    }

    fn sampled(
        &self,
        work: &Work,
        kept: &HashMap<ComplaintId, Kept>,
        now: OffsetDateTime,
    ) -> Vec<Sampled> {
        let of = |(id, (category, opd)): (&ComplaintId, &(String, String))| {
            let facet = kept.get(id)?.facet.as_ref()?;
            // On a person's word it was not routed without one.
            let by_model = !by_person(facet) && !facet.oversight_suspected;
            by_model.then(|| Sampled {
                complaint: *id,
                since: now,
                category: category.clone(),
                confidence: facet.confidence,
                opd: opd.clone(),
            })
        };
        work.automatic.iter().filter_map(of).collect()
    }

    /// What persons say now of complaints about which they decided anew, or whose text has changed, becomes a lesson: that
    /// of a changed text is read again, because parts of it may have been blackened.
    async fn teach(
        &self,
        tx: &Transaction<'_>,
        work: &Work,
        kept: &HashMap<ComplaintId, Kept>,
        now: OffsetDateTime,
    ) -> Result<(), Failure> {
        let decided = work.lessons.iter().filter(|(_, l)| !l.is_empty());
        let decided: BTreeSet<ComplaintId> = decided.map(|(id, _)| *id).collect();
        let is_taught = |id: &ComplaintId| kept.get(id).is_some_and(|k| !k.corrections.is_empty());
        let changed = work.texts.keys().filter(|id| is_taught(id));
        let changed: BTreeSet<ComplaintId> = changed.copied().collect();
        for (ids, same_text) in [
            (decided.difference(&changed).copied().collect(), true),
            (changed, false),
        ] {
            let ids: Vec<ComplaintId> = BTreeSet::into_iter(ids).collect();
            if ids.is_empty() {
                continue;
            }
            let first = store::lessons::numbers(tx, ids.len()).await?;
            let lessons: Vec<NewLesson> = (first..)
                .zip(ids)
                .map(|(number, complaint)| NewLesson {
                    number,
                    complaint,
                    taught: Taught::of(kept.get(&complaint).map_or(&[], |k| &k.corrections)),
                    features: None,
                })
                .collect();
            store::lessons::record(tx, &lessons, same_text, now).await?;
        }
        Ok(())
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
    /// Routed without a person: category and desk.
    automatic: HashMap<ComplaintId, (String, String)>,
    /// To be forgotten and confirmed.
    erased: Vec<ComplaintId>,
}

impl Work {
    fn sort(
        batch: &Batch,
        prepared: Vec<(ComplaintId, Read)>,
        is_sampled: impl Fn(&Incoming) -> bool,
    ) -> Self {
        let mut work = Self {
            prepared: prepared.into_iter().collect(),
            ..Self::default()
        };
        let mut by_complaint: HashMap<ComplaintId, Vec<&Incoming>> = HashMap::new();
        for incoming in &batch.events {
            let matters = changes_text(incoming)
                || ends_or_begins(incoming)
                || matches!(incoming.event.fact, Some(Fact::Erased(_)))
                || lessons::teaches(&incoming.event)
                || is_sampled(incoming);
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
            let canary = facets
                .and_then(|f| f.intake.as_ref())
                .is_some_and(|n| n.facet.canary);
            let sampled = incoming.iter().filter(|i| !canary && is_sampled(i));
            for lead in sampled.filter_map(|i| lessons::automatic(&i.event)) {
                let of = (lead.category.clone(), lead.opd_code.clone());
                work.automatic.insert(id, of);
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

    /// First decisions on what the model was sure of: whether the person agreed with its category.
    fn agreed(&self, kept: &HashMap<ComplaintId, Kept>) -> Vec<(ComplaintId, String, bool)> {
        let mut agreed = Vec::new();
        for (id, lessons) in &self.lessons {
            let said = kept.get(id).and_then(|k| k.said.as_ref()).map(|s| &s.label);
            let sure = said.filter(|label| !label.abstained);
            let first = lessons.learned.iter().find(|lesson| lesson.first);
            if let (Some(label), Some(lesson)) = (sure, first)
                && !lesson.correction.category.is_empty()
            {
                let right = lesson.correction.category == label.category;
                agreed.push((*id, label.category.clone(), right));
            }
        }
        agreed
    }

    fn taken_back(&self) -> Vec<(ComplaintId, Version)> {
        self.lessons
            .iter()
            .flat_map(|(id, lessons)| lessons.taken_back.iter().map(move |v| (*id, *v)))
            .collect()
    }
}
