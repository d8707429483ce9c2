//! What is kept and told: databases, files, logs, spans, metrics.

use ntbcare_tests::{
    World, dump,
    otlp::Otlp,
    search::{Needles, files_below},
};
use standalone::fleet::{DATABASE, KEYS_DATABASE, SERVICES};

use crate::{
    findings::{Findings, must_show},
    plant::Planted,
};

/// Databases, files, logs, spans, metrics.
pub async fn search(world: &mut World, planted: &[Planted], otlp: &Otlp, findings: &mut Findings) {
    let mut kept = Vec::new();
    for database in [DATABASE, KEYS_DATABASE] {
        let admin = world
            .postgres
            .admin(database)
            .await
            .expect("PostgreSQL answers");
        for (table, bytes) in dump::tables(&admin).await {
            findings.search_store(&format!("{database} {table}"), &bytes);
            kept.extend(bytes);
        }
    }
    // The control: a code that may be kept is found, in text and in a binary column.
    must_show("the databases", &kept, "jalan-rusak");
    must_show("the databases", &kept, &planted[3].id);
    for service in SERVICES {
        let metrics = world.metrics(service).await;
        must_show(service, metrics.as_bytes(), "ntbcare_");
        let surface = format!("metrics of {service}");
        findings.search(&surface, metrics.as_bytes(), |_| Vec::new());
    }
    for service in SERVICES {
        world.end(service).await;
    }
    world.nats.end().await;
    world.postgres.end().await;

    let spans = otlp.bytes();
    must_show("the spans", &spans, &planted[3].id);
    findings.search_store("spans", &spans);
    let secrets = Needles::new(secrets(world));
    for service in SERVICES {
        let log = std::fs::read(world.log(service)).expect("a log");
        must_show(service, &log, "\"level\":\"DEBUG\"");
        must_show(service, &log, "\"level\":\"INFO\"");
        for found in secrets.found_in(&log) {
            findings
                .found
                .push(format!("log of {service}: {}", secrets.name(found)));
        }
    }
    let on_the_bus: Vec<u8> = files_below(&world.nats.storage())
        .into_iter()
        .flat_map(|f| std::fs::read(f).unwrap_or_default())
        .collect();
    must_show("the bus's files", &on_the_bus, &planted[3].id);
    let attachments = files_below(&world.dir.join("attachments"));
    assert!(attachments.len() >= planted.len(), "{attachments:?}");
    // The rest of what is on the disk: the bus's files and the write-ahead log, which keeps what tables had for a moment.
    let mut read = 0;
    for file in files_below(&world.dir) {
        let shown = file.display().to_string();
        if shown.contains("/postgres/cluster/") && !shown.contains("/pg_wal/") {
            continue;
        }
        let bytes = std::fs::read(&file).expect("a file");
        read += bytes.len();
        findings.search_store(&shown, &bytes);
    }
    assert!(read > 10_000_000, "only {read} bytes were read");
    // What tells a picture from noise, in any file of the attachments.
    let signs: [&[u8]; 4] = [b"Exif\0\0", b"JFIF\0\x01", b"WEBPVP8", b"\x89PNG\r\n\x1a\n"];
    for file in attachments {
        let bytes = std::fs::read(&file).expect("an attachment");
        let plain = signs
            .iter()
            .find(|sign| bytes.windows(sign.len()).any(|window| window == **sign));
        assert!(plain.is_none(), "{}: a plain picture", file.display());
    }
}

/// What services and people prove themselves with.
fn secrets(world: &World) -> Vec<String> {
    let s = &world.secrets;
    let mut secrets: Vec<String> = [
        &s.postgres,
        &s.roles,
        &s.nats,
        &s.opd_owner,
        &s.grpc,
        &s.opd_seal,
        &s.open311_key,
        &s.sample_password,
    ]
    .map(String::clone)
    .into();
    let words = s.master_keys.split_whitespace().filter(|w| w.len() >= 32);
    secrets.extend(words.map(str::to_owned));
    secrets
}
