//! What the portal reads: every owner's events, folded into one row for each complaint.

use std::sync::Arc;

use chassis::{
    Draft, Failure,
    consumer::{Batch, Handler, Incoming},
};
use contracts::{ComplaintId, common::Owner};
use deadpool_postgres::Transaction;
use tokio::sync::Notify;

use crate::{
    domain::{projection, work},
    store,
};

/// Writes the projection.
#[derive(Debug)]
pub struct Projector {
    /// Woken after each commit.
    pub wake: Arc<Notify>,
}

impl Handler for Projector {
    type Prepared = ();

    fn owners(&self) -> &'static [Owner] {
        &Owner::ALL
    }

    async fn prepare(&self, _events: &[Incoming]) -> Result<(), Failure> {
        Ok(())
    }

    async fn handle(
        &self,
        tx: &Transaction<'_>,
        batch: &Batch,
        (): (),
    ) -> Result<Vec<Draft>, Failure> {
        let rows: Vec<_> = batch
            .complaints()
            .into_iter()
            .filter_map(|id| {
                batch
                    .facets
                    .get(&id)
                    .map(|facets| projection::row(id, facets))
            })
            .collect();
        store::complaints::write(tx, &rows).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.id.0).collect();
        let work: Vec<_> = ids
            .iter()
            .filter_map(|id| batch.facets.get(&ComplaintId(*id)))
            .zip(&rows)
            .flat_map(|(facets, row)| work::of(row.id, facets))
            .collect();
        store::work::write(tx, &ids, &work).await?;
        Ok(Vec::new())
    }

    fn committed(&self, _batch: &Batch) {
        self.wake.notify_one();
    }
}
