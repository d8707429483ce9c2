//! Learning on this replica: reads the texts of what persons said, learns numbered lessons over the model in force, compares
//! itself with the other replicas, and puts what it has learnt into force.
//!
//! The state at a number is a function of the tables alone: all lessons up to it that nothing up to it ended, in their order.
//! Ended lessons have lost their features, so that a replica that begins goes to the last number that ended something at once,
//! and number by number from there. Each writes its checksum where nobody has; one that comes to another than is written there
//! stays with the model alone, and says so.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use chassis::grpc::Peer;
use chassis::metrics::Metrics;
use chassis::{Clock, Failure};
use contracts::ComplaintId;
use contracts::intake::intake_service_client::IntakeServiceClient;
use deadpool_postgres::Pool;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::domain::hashed::Hashed;
use crate::domain::model::Model;
use crate::domain::online::Overlay;
use crate::live::Live;
use crate::models::{Models, ModelsError};
use crate::store::lessons::{self, News};
use crate::texts;

/// How often a replica looks for what others committed: a correction holds on all of them so much later at most.
const EVERY: Duration = Duration::from_millis(500);
/// Texts that are read in one go.
const READ: i64 = 100;

/// What a replica has learnt.
#[derive(Debug)]
struct Learnt {
    model: Arc<Model>,
    /// The model has learnt all up to this number by itself.
    trained: i64,
    /// The overlay has learnt all up to this number.
    known: i64,
    overlay: Overlay,
    /// It came to another checksum than the others.
    alone: bool,
}

impl Learnt {
    fn new(model: Arc<Model>, trained: i64) -> Self {
        Self {
            overlay: Overlay::new(&model),
            model,
            trained,
            known: trained,
            alone: false,
        }
    }

    /// Learns what is new; the checksums at the numbers that it passed.
    fn learn(&mut self, news: &News) -> Vec<(i64, i64)> {
        let mut sums = Vec::new();
        if news.again_to > 0 {
            self.overlay = Overlay::new(&self.model);
        }
        let mut began = news.again_to == 0;
        for row in &news.rows {
            if !began && row.number > news.again_to {
                sums.push((news.again_to, self.checksum()));
                began = true;
            }
            self.step(row);
            if began {
                sums.push((row.number, self.checksum()));
            }
        }
        if !began {
            sums.push((news.again_to, self.checksum()));
        }
        // The same at whatever number a replica looked last.
        if sums.last().is_none_or(|(number, _)| *number < news.last) {
            sums.push((news.last, self.checksum()));
        }
        self.known = news.last;
        sums
    }

    fn step(&mut self, row: &lessons::Row) {
        let Ok(text) = Hashed::from_bytes(&row.features) else {
            // Of a version with other features: every replica passes it by alike.
            return;
        };
        for (head, class) in row.taught.heads() {
            if let Some(class) = self.model.class(head, class) {
                self.overlay.learn(&self.model, &text, head, class);
            }
        }
    }

    fn checksum(&self) -> i64 {
        self.overlay.checksum().cast_signed()
    }
}

/// Learns on this replica.
#[derive(Debug)]
pub struct Learner {
    pool: Pool,
    clock: Clock,
    intake: IntakeServiceClient<Peer>,
    live: Arc<Live>,
    models: Models,
    wake: Notify,
    learnt: Mutex<Learnt>,
    number: AtomicI64,
    learning: AtomicBool,
    metrics: Figures,
}

#[derive(Debug, Default)]
struct Figures {
    number: Gauge,
    alone: Gauge,
}

impl Learner {
    /// Begins with the model in force and nothing learnt.
    pub fn new(
        pool: Pool,
        clock: Clock,
        intake: IntakeServiceClient<Peer>,
        live: Arc<Live>,
        models: Models,
        metrics: &Metrics,
    ) -> Self {
        let figures = Figures::default();
        metrics.register(|registry| {
            registry.register(
                "ntbcare_corrections_learnt",
                "Number up to which this replica has learnt what persons corrected",
                figures.number.clone(),
            );
            registry.register(
                "ntbcare_learning_alone",
                "1: this replica came to another checksum than the others and stays with the model alone",
                figures.alone.clone(),
            );
        });
        let model = live.classifier().shared_model();
        Self {
            pool,
            clock,
            intake,
            live,
            models,
            wake: Notify::new(),
            learnt: Mutex::new(Learnt::new(model, 0)),
            number: AtomicI64::new(0),
            learning: AtomicBool::new(true),
            metrics: figures,
        }
    }

    /// Tells that something was committed here.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The number up to which it has learnt.
    pub fn number(&self) -> i64 {
        self.number.load(Ordering::Relaxed)
    }

    /// False: it differs from the others, and stays with the model alone.
    pub fn is_learning(&self) -> bool {
        self.learning.load(Ordering::Relaxed)
    }

    /// Follows until the end.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut failing = false;
        loop {
            match self.follow().await {
                Ok(()) => failing = false,
                Err(failure) if !failing => {
                    failing = true;
                    tracing::warn!(
                        error = &failure as &dyn std::error::Error,
                        "corrections are not learnt for now; what was learnt stays"
                    );
                }
                Err(_) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Takes over what was committed since.
    async fn follow(&self) -> Result<(), Failure> {
        let read = self.read_texts().await;
        self.follow_model().await?;
        self.learn().await?;
        // Intake may be away; what others have read is learnt all the same.
        read
    }

    /// Reads the texts about which persons said something, and keeps their features as lessons.
    async fn read_texts(&self) -> Result<(), Failure> {
        let unread = lessons::unread(&self.pool.get().await?, READ).await?;
        if unread.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = unread.iter().map(|(id, _)| id.to_string()).collect();
        let contents = texts::of(&self.intake, &ids, None).await?;
        let features: HashMap<ComplaintId, Vec<u8>> = contents
            .iter()
            .filter(|content| !content.erased && !content.hidden)
            .filter_map(|content| {
                let id = content.complaint_id.parse().ok()?;
                Some((id, texts::features(&content.text)))
            })
            .collect();
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let now = self.clock.now();
        lessons::read(&tx, &unread, &features, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes over the model in force: what was corrected after its training is learnt over it before it says anything.
    async fn follow_model(&self) -> Result<(), Failure> {
        let (version, trained) = self.models.in_force().await.map_err(failure)?;
        let mut learnt = self.learnt.lock().await;
        if learnt.model.card().version == version {
            return Ok(());
        }
        let model = self.models.load(&version).await.map_err(failure)?;
        let mut next = Learnt::new(model, trained);
        self.catch_up(&mut next).await?;
        *learnt = next;
        self.tell(&learnt);
        self.publish(&learnt);
        tracing::info!(
            model = version,
            number = learnt.known,
            "another model is in force"
        );
        Ok(())
    }

    async fn learn(&self) -> Result<(), Failure> {
        let mut learnt = self.learnt.lock().await;
        if learnt.alone {
            return Ok(());
        }
        let before = (learnt.checksum(), learnt.known);
        let outcome = self.catch_up(&mut learnt).await;
        if outcome.is_err() {
            // Not compared: learnt anew the next time.
            *learnt = Learnt::new(learnt.model.clone(), learnt.trained);
        }
        outcome?;
        if learnt.known != before.1 {
            self.tell(&learnt);
            if learnt.alone || learnt.checksum() != before.0 {
                self.publish(&learnt);
            }
        }
        Ok(())
    }

    /// Learns what is new, and compares.
    async fn catch_up(&self, learnt: &mut Learnt) -> Result<(), Failure> {
        let news = lessons::news(&self.pool, learnt.trained, learnt.known).await?;
        if news.last == learnt.known {
            return Ok(());
        }
        let sums = tokio::task::block_in_place(|| learnt.learn(&news));
        let name = &learnt.model.card().version;
        let differing = lessons::compare(&self.pool, name, &sums, self.clock.now()).await?;
        if let Some(number) = differing.first() {
            tracing::error!(
                number,
                model = name,
                "this replica came to another checksum than the others: it stays with the model alone"
            );
            learnt.alone = true;
        }
        Ok(())
    }

    fn tell(&self, learnt: &Learnt) {
        self.metrics.alone.set(i64::from(learnt.alone));
        self.learning.store(!learnt.alone, Ordering::Relaxed);
        self.number.store(learnt.known, Ordering::Relaxed);
        self.metrics.number.set(learnt.known);
    }

    fn publish(&self, learnt: &Learnt) {
        let overlay = Some(&learnt.overlay).filter(|o| !learnt.alone && !o.is_empty());
        let overlay = overlay.map(|o| Arc::new(o.clone()));
        let (model, number) = (learnt.model.clone(), learnt.known.cast_unsigned());
        self.live
            .replace(|classifier| classifier.with_learnt(model, overlay, number));
    }
}

fn failure(error: ModelsError) -> Failure {
    match error {
        ModelsError::Database(failure) => failure,
        other => Failure::unavailable("the model in force", other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::artefact;
    use crate::label::Taught;

    fn model() -> Arc<Model> {
        Arc::new(artefact::read(crate::domain::classify::MODEL).unwrap())
    }

    fn taught(category: &str) -> Taught {
        Taught {
            category: category.into(),
            ..Taught::default()
        }
    }

    /// The tables, as far as learning reads them: number, complaint, what is said, ended by.
    #[derive(Default, Clone)]
    struct Tables {
        rows: Vec<(i64, usize, Taught, Option<i64>)>,
        last: i64,
    }

    impl Tables {
        fn say(&mut self, complaint: usize, said: Taught) {
            self.last += 1;
            for row in &mut self.rows {
                if row.1 == complaint && row.3.is_none() {
                    row.3 = Some(self.last);
                }
            }
            self.rows.push((self.last, complaint, said, None));
        }

        fn news(&self, trained: i64, known: i64) -> News {
            let teaches = |said: &Taught| !said.is_empty();
            let ended = self.rows.iter().filter(|r| r.0 > trained && teaches(&r.2));
            let again_to = ended.filter_map(|r| r.3).filter(|e| *e > known).max();
            let after = if again_to.is_some() { trained } else { known };
            let live = self.rows.iter().filter(|r| r.0 > after && r.3.is_none());
            News {
                last: self.last,
                again_to: again_to.unwrap_or(0),
                rows: live
                    .filter(|r| teaches(&r.2))
                    .map(|r| lessons::Row {
                        number: r.0,
                        taught: r.2.clone(),
                        features: texts::features(&format!("lampu jalan mati {} pompa", r.1)),
                    })
                    .collect(),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        /// However often a replica looks, and when it began: at every number that two of them tell of they tell the same,
        /// and in the end they are equal, also after decisions were taken back or complaints erased.
        #[test]
        fn replicas_agree_at_every_number(
            said in proptest::collection::vec((0..4_usize, 0..3_usize, any::<bool>()), 1..14)
        ) {
            let model = model();
            let mut tables = Tables::default();
            let (mut often, mut seldom) = (Learnt::new(model.clone(), 0), Learnt::new(model.clone(), 0));
            let mut told: HashMap<i64, i64> = HashMap::new();
            let mut tell = |sums: Vec<(i64, i64)>| -> bool {
                sums.into_iter().all(|(number, sum)| *told.entry(number).or_insert(sum) == sum)
            };
            for (complaint, what, looks) in said {
                tables.say(complaint, taught(["", "sampah", "irigasi"][what]));
                let (trained, known) = (often.trained, often.known);
                prop_assert!(tell(often.learn(&tables.news(trained, known))));
                if looks {
                    let (trained, known) = (seldom.trained, seldom.known);
                    prop_assert!(tell(seldom.learn(&tables.news(trained, known))));
                }
            }
            let mut late = Learnt::new(model, 0);
            prop_assert!(tell(late.learn(&tables.news(0, 0))));
            let (trained, known) = (seldom.trained, seldom.known);
            prop_assert!(tell(seldom.learn(&tables.news(trained, known))));
            prop_assert_eq!(late.checksum(), often.checksum());
            prop_assert_eq!(late.checksum(), seldom.checksum());
        }
    }
}
