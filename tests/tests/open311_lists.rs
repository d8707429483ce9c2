//! Open311's lists, photos and updates: who sees what, and when.

use std::time::Duration;

use contracts::intake::RejectRequest;
use ntbcare_tests::{
    Mode,
    open311::{Door, SERVICE, json_of, multipart, officer, sent, verify},
    photos, until, world,
};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_comes_with_the_form_and_is_shown_bare_once_somebody_has_looked() {
    let world = world(Mode::Together).await;
    let door = Door::production(&world);
    let post = |photo: Vec<u8>, key: &'static str| {
        let mut fields = door.report("Lampu jalan mati");
        fields.push(("extensions", "true"));
        let (kind, body) = multipart(&fields, &photo);
        let post = door
            .http
            .post(format!("{}/requests.json", door.root))
            .header(header::CONTENT_TYPE, kind);
        json_of(
            post.header("Idempotency-Key", key).body(body),
            StatusCode::CREATED,
        )
    };
    let made = post(photos::with_place(900, 600), "foto").await;
    let again = post(photos::with_place(900, 600), "foto").await;
    assert_eq!(
        made[0]["service_request_id"],
        again[0]["service_request_id"]
    );
    assert_eq!(
        world
            .number("SELECT count(*) FROM intake.attachments")
            .await,
        1
    );
    let broken = post(b"not a photo".to_vec(), "rusak").await;
    let notice = broken[0]["service_notice"]
        .as_str()
        .expect("the reporter is told");
    assert!(
        notice.starts_with("The report is accepted; the photo is not"),
        "{notice}"
    );

    let id = made[0]["service_request_id"]
        .as_str()
        .expect("text")
        .to_owned();
    let path = format!("requests/{id}.json");
    assert!(
        door.json(&path).await[0]["media_url"].is_null(),
        "nobody has looked yet"
    );
    verify(&world, made[0]["token"].as_str().expect("text")).await;
    let seen = door.json(&path).await;
    let photo = door
        .http
        .get(seen[0]["media_url"].as_str().expect("an address"));
    let photo = sent(photo, StatusCode::OK).await;
    assert_eq!(photo.headers()[header::CONTENT_TYPE], "image/jpeg");
    let bytes = photo.bytes().await.expect("bytes");
    assert!(!bytes.windows(4).any(|w| w == b"Exif"), "EXIF is stripped");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_and_pages_follow_each_other() {
    let world = world(Mode::Together).await;
    let door = Door::production(&world);
    let (first, _, token) = door.posted("Jalan rusak di Ampenan", &[]).await;
    let (second, _, other) = door
        .posted(
            "Sampah menumpuk",
            &[
                ("service_code", "sampah"),
                ("lat", "-8.75"),
                ("long", "117.4"),
            ],
        )
        .await;
    let (third, _, _) = door.posted("Lubang lagi", &[]).await;
    let all = door.ids("").await;
    assert_eq!(all.len(), 3);
    let near = all.iter().position(|id| *id == first).expect("listed");
    assert_eq!(near, 2, "the newest first");

    assert_eq!(
        door.ids(&format!(
            "service_request_id={first},{second},NTB-9&status=closed"
        ))
        .await
        .len(),
        2,
        "named ones whatever else is asked"
    );
    assert_eq!(door.ids(&format!("service_code={SERVICE}")).await.len(), 2);
    assert_eq!(
        door.ids(&format!("service_code={SERVICE},sampah&status=open"))
            .await
            .len(),
        3
    );
    assert!(door.ids("status=closed").await.is_empty());
    assert!(door.ids("end_date=2026-01-01T00:00:00Z").await.is_empty());
    assert!(
        door.ids("start_date=2020-01-01T00:00:00Z&end_date=2020-02-01T00:00:00Z")
            .await
            .is_empty()
    );

    // Paging, by the links that the answers carry.
    let mut next = Some(format!("{}/requests.json?page_size=2", door.root));
    let mut paged = Vec::new();
    while let Some(url) = next.take() {
        let answer = sent(door.http.get(url), StatusCode::OK).await;
        let link = answer
            .headers()
            .get(header::LINK)
            .map(|l| l.to_str().expect("text").to_owned());
        let rows: Value = answer.json().await.expect("JSON");
        paged.extend(
            rows.as_array()
                .expect("an array")
                .iter()
                .map(|r| r["service_request_id"].as_str().expect("text").to_owned()),
        );
        next = link.and_then(|l| Some(l.strip_prefix('<')?.split_once('>')?.0.to_owned()));
    }
    assert_eq!(paged, all);

    // Places, once somebody has looked.
    let bbox = "bbox=116.0,-8.7,116.2,-8.5";
    assert!(door.ids(bbox).await.is_empty());
    verify(&world, &token).await;
    verify(&world, &other).await;
    // Each complaint's own acceptance reaches the door in its own time.
    let there = "lat=-8.7501&long=117.4001";
    until(Duration::from_secs(20), "both are on the map", || async {
        door.ids(bbox).await == [first.as_str()] && door.ids(there).await == [second.as_str()]
    })
    .await;
    assert_eq!(
        door.ids("lat=-8.6&long=116.1167&radius=2500").await,
        [first.as_str()]
    );
    assert!(
        door.ids("lat=-8.6&long=116.1167&radius=1000")
            .await
            .is_empty()
    );

    // What changed since, and what has ended.
    let before = door.json(&format!("requests/{first}.json")).await[0]["updated_datetime"].clone();
    let now = || time::OffsetDateTime::now_utc();
    let second = now().unix_timestamp();
    until(
        Duration::from_secs(5),
        "times are told to the second: another one begins",
        || async { now().unix_timestamp() > second },
    )
    .await;
    let since = now();
    let reject = RejectRequest {
        complaint_id: token,
        by: Some(officer()),
        reason: "out_of_scope".into(),
        text: "Bukan urusan kami.".into(),
    };
    world.intake().reject(reject).await.expect("rejected");
    let since = since
        .format(&time::format_description::well_known::Rfc3339)
        .expect("a time");
    assert!(
        door.ids(&format!("updated_after={since}"))
            .await
            .contains(&first)
    );
    assert!(
        !door
            .ids(&format!("updated_before={since}"))
            .await
            .contains(&first)
    );
    assert_eq!(door.ids("status=closed").await, [first.as_str()]);
    let after = door.json(&format!("requests/{first}.json")).await;
    assert_ne!(after[0]["updated_datetime"], before);
    assert!(
        after[0]["lat"].is_null() && after[0]["description"].is_null(),
        "what is rejected is not shown"
    );
    assert!(all.contains(&third));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_are_read_and_posted_by_whoever_may() {
    let world = world(Mode::Together).await;
    let door = Door::production(&world);
    let (id, secret, token) = door.posted("Air tidak mengalir", &[]).await;
    verify(&world, &token).await;
    let updates = door
        .json(&format!(
            "servicerequestupdates.json?service_request_id={id}"
        ))
        .await;
    let update = &updates[0];
    assert_eq!(update["service_request_id"], id);
    assert!(
        update["update_id"].is_string() && update["updated_datetime"].is_string(),
        "{update}"
    );
    let xml = door.text("servicerequestupdates.xml").await;
    assert!(
        xml.contains("<service_request_updates><request_update><update_id>"),
        "{xml}"
    );

    let words = |more: &[(&'static str, &str)]| {
        let mut fields = vec![
            ("service_request_id", id.as_str()),
            ("description", "Masih belum mengalir"),
        ];
        fields.extend(more);
        door.post("servicerequestupdates.json", &fields)
    };
    // The client that the request came by; the same update again adds nothing.
    let of_client = [("api_key", door.key.as_str()), ("update_id", "u-1")];
    let first = json_of(words(&of_client), StatusCode::CREATED).await;
    assert_eq!(first, json_of(words(&of_client), StatusCode::CREATED).await);
    assert!(first[0]["update_id"].is_string());
    let _ = sent(
        words(&[("api_key", &door.key), ("tracking_secret", &secret)]),
        StatusCode::CREATED,
    )
    .await;
    let _ = sent(
        words(&[
            ("api_key", &door.key),
            ("tracking_secret", "00000-00000-00000-00000"),
        ]),
        StatusCode::NOT_FOUND,
    )
    .await;
    let _ = sent(words(&[]), StatusCode::FORBIDDEN).await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM intake.messages WHERE about = 'supplement'")
            .await,
        2
    );

    // For another client's, or the web's, request a key grants nothing.
    let web = world.submit(ntbcare_tests::texts::submission(1)).await;
    let fields = [
        ("api_key", door.key.as_str()),
        ("service_request_id", &web.ticket),
        ("description", "Saya juga"),
    ];
    let _ = sent(
        door.post("servicerequestupdates.json", &fields),
        StatusCode::FORBIDDEN,
    )
    .await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rahasia_is_in_no_list_and_answers_to_its_token_alone() {
    let world = world(Mode::Together).await;
    let door = Door::production(&world);
    let (id, _, token) = door
        .posted("Ini rahasia", &[("attribute[rahasia]", "ya")])
        .await;
    verify(&world, &token).await;
    assert!(door.ids("").await.is_empty());
    assert!(
        door.ids(&format!("service_request_id={id}"))
            .await
            .is_empty()
    );
    for path in [format!("requests/{id}.json"), format!("tokens/{id}.json")] {
        assert_eq!(
            door.get(&path).send().await.expect("answered").status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let updates = door.json("servicerequestupdates.json").await;
    assert_eq!(updates, json!([]));
    let polled = door.json(&format!("tokens/{token}.json")).await;
    assert_eq!(polled, json!([{"service_request_id": id, "token": token}]));
    world.finish().await;
}
