//! PostgreSQL's own rate: the rows of a complaint, its event and its outbox, by one statement in a transaction of its own, from
//! as many connections as callers are in flight. The tables are copies of intake's, with all their indexes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ntbcare_tests::World;
use standalone::fleet::DATABASE;
use tokio::{task::JoinSet, time::Instant};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::pace::IN_FLIGHT;

const LASTS: Duration = Duration::from_secs(8);

const TABLES: &str = "
    CREATE SCHEMA IF NOT EXISTS bench;
    CREATE TABLE IF NOT EXISTS bench.complaints (LIKE intake.complaints INCLUDING ALL);
    CREATE TABLE IF NOT EXISTS bench.events (LIKE intake.events INCLUDING ALL);
    CREATE TABLE IF NOT EXISTS bench.outbox (LIKE intake.outbox INCLUDING ALL);
    TRUNCATE bench.complaints, bench.events, bench.outbox";

const ONE: &str = "
    WITH complaint AS (
        INSERT INTO bench.complaints (id, ticket, secret_hash, dedupe, channel, sealed, received_at)
        VALUES ($1, $2, $3, $4, 'web', $5, now())
    ), event AS (
        INSERT INTO bench.events (complaint_id, version, id, subject, body, traceparent)
        VALUES ($1, 1, $6, 'complaint.received.v1.web', $7, '')
    )
    INSERT INTO bench.outbox (id, complaint_id, version) VALUES ($8, $1, 1)";

const MANY: &str = "
    WITH new AS (
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[], $6::uuid[], $7::bytea[], $8::uuid[])
            AS t(id, ticket, secret, dedupe, sealed, event, body, message)
    ), complaint AS (
        INSERT INTO bench.complaints (id, ticket, secret_hash, dedupe, channel, sealed, received_at)
        SELECT id, ticket, secret, dedupe, 'web', sealed, now() FROM new
    ), event AS (
        INSERT INTO bench.events (complaint_id, version, id, subject, body, traceparent)
        SELECT id, 1, event, 'complaint.received.v1.web', body, '' FROM new
    )
    INSERT INTO bench.outbox (id, complaint_id, version) SELECT message, id, 1 FROM new";

/// Bytes that intake writes for a complaint, on average.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    sealed: usize,
    body: usize,
}

/// Complaints a second, `rows` of them in a transaction.
pub async fn rate(world: &World, rows: usize) -> f64 {
    let admin = connect(world).await;
    admin
        .batch_execute(TABLES)
        .await
        .expect("tables like intake's");
    let sizes = Sizes {
        sealed: mean(
            world,
            "SELECT avg(octet_length(sealed))::bigint FROM intake.complaints",
        )
        .await,
        body: mean(
            world,
            "SELECT avg(octet_length(body))::bigint FROM intake.events",
        )
        .await,
    };
    let mut clients = Vec::new();
    for _ in 0..IN_FLIGHT {
        clients.push(connect(world).await);
    }
    let done = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut writers = JoinSet::new();
    for client in clients {
        let done = done.clone();
        writers.spawn(async move { write(&client, rows, sizes, began + LASTS, &done).await });
    }
    writers.join_all().await;
    done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

async fn mean(world: &World, sql: &str) -> usize {
    usize::try_from(world.number(sql).await).expect("a size")
}

async fn connect(world: &World) -> Client {
    world
        .postgres
        .admin(DATABASE)
        .await
        .expect("PostgreSQL answers")
}

async fn write(client: &Client, rows: usize, sizes: Sizes, end: Instant, done: &AtomicU64) {
    let statement = client
        .prepare(if rows == 1 { ONE } else { MANY })
        .await
        .expect("a statement");
    while Instant::now() < end {
        let mut ids = Vec::with_capacity(rows);
        let (mut tickets, mut events, mut messages) = (ids.clone(), ids.clone(), ids.clone());
        let mut blobs = [const { Vec::<Vec<u8>>::new() }; 4];
        for _ in 0..rows {
            ids.push(Uuid::now_v7());
            tickets.push(Uuid::new_v4());
            events.push(Uuid::now_v7());
            messages.push(Uuid::now_v7());
            for (column, bytes) in blobs.iter_mut().zip([32, 32, sizes.sealed, sizes.body]) {
                let mut blob = vec![0; bytes];
                rand::fill(&mut blob[..]);
                column.push(blob);
            }
        }
        let tickets: Vec<String> = tickets
            .iter()
            .map(|t| t.simple().to_string()[..12].to_owned())
            .collect();
        let [secrets, dedupes, sealed, bodies] = &blobs;
        let written = if rows == 1 {
            client
                .execute(
                    &statement,
                    &[
                        &ids[0],
                        &tickets[0],
                        &secrets[0],
                        &dedupes[0],
                        &sealed[0],
                        &events[0],
                        &bodies[0],
                        &messages[0],
                    ],
                )
                .await
        } else {
            client
                .execute(
                    &statement,
                    &[
                        &ids, &tickets, secrets, dedupes, sealed, &events, bodies, &messages,
                    ],
                )
                .await
        };
        assert_eq!(written.expect("written"), rows as u64);
        done.fetch_add(rows as u64, Ordering::Relaxed);
    }
}
