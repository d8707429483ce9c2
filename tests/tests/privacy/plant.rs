//! Invented people who complain by every way there is, and what is looked for of each.

use contracts::{
    common::{Actor, Role},
    intake::{
        AttachHeader, AttachRequest, Attribute, FindRequest, Reporter, Submission, TextsRequest,
        Viewer,
        attach_request::Part::{Chunk, Header},
    },
};
use futures::future::join_all;
use image::{DynamicImage, RgbImage};
use ntbcare_tests::{
    World,
    people::Person,
    photos,
    web::{Browser, File, Page},
};

/// What becomes of a complaint, and who may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ordinary: public once it is verified.
    Open,
    /// Hidden from the public.
    Rahasia,
    /// Its reporter is hidden, also from the desk.
    Anonim,
    /// About abuse of office.
    Oversight,
    /// Entered by the team, rahasia.
    Entered,
    /// Rejected with words to its reporter.
    Refused,
    /// Taken back by its reporter.
    Withdrawn,
    /// Erased on demand.
    Erased,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Rahasia,
        Self::Anonim,
        Self::Oversight,
        Self::Entered,
        Self::Refused,
        Self::Withdrawn,
        Self::Erased,
    ];
    /// Whether the public must not even know of it.
    pub fn is_hidden(self) -> bool {
        matches!(self, Self::Rahasia | Self::Oversight | Self::Entered)
    }
}

/// What of a complaint is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Name, NIK, telephone, e-mail.
    Identity,
    /// The address in words.
    Home,
    /// What happened, as written.
    Words,
    /// What the reporter added, and what was said to the reporter.
    Talk,
    /// The link to the post, which names its author.
    Link,
    /// What staff noted beside an act.
    Notes,
    /// The photo as people see it.
    Photo,
    /// What the telephone wrote into the photo.
    Exif,
    /// Ticket number and id.
    Handle,
    /// The secret beside the ticket number.
    Secret,
}

impl Part {
    pub const ALL: [Self; 10] = [
        Self::Identity,
        Self::Home,
        Self::Words,
        Self::Talk,
        Self::Link,
        Self::Notes,
        Self::Photo,
        Self::Exif,
        Self::Handle,
        Self::Secret,
    ];
}

/// A complaint that was submitted.
pub struct Planted {
    pub kind: Kind,
    pub person: Person,
    pub id: String,
    pub ticket: String,
    pub secret: String,
    pub attachments: Vec<String>,
    /// The photo as its reporter gets it back.
    pub picture: Vec<u8>,
}

impl Planted {
    /// What is looked for of some parts.
    pub fn tokens(&self, parts: &[Part]) -> Vec<Vec<u8>> {
        let mut tokens: Vec<Vec<u8>> = Vec::new();
        let mut text = |texts: Vec<String>| tokens.extend(texts.into_iter().map(Vec::from));
        for part in parts {
            match part {
                Part::Identity => text(self.person.identity()),
                Part::Home => text(vec![self.person.home_word()]),
                Part::Words => text(vec![self.person.word("kata")]),
                Part::Talk => text(vec![self.person.word("tambah"), self.person.word("tanya")]),
                Part::Link => text(vec![self.person.word("tautan")]),
                Part::Notes => text(vec![self.person.word("catat"), self.person.word("kunci")]),
                Part::Exif => text(vec![self.person.word("foto")]),
                Part::Handle => text(vec![self.ticket.clone(), self.id.clone()]),
                Part::Secret if self.secret.is_empty() => {}
                Part::Secret => text(vec![self.secret.clone(), self.secret.replace('-', "")]),
                Part::Photo => {}
            }
        }
        if parts.contains(&Part::Photo) && self.picture.len() > 300 {
            // From inside of the compressed picture, where no other one has the same.
            let middle = self.picture.len() / 2;
            tokens.push(self.picture[middle..middle + 24].to_vec());
        }
        if parts.contains(&Part::Exif) {
            tokens.push(b"2026:03:01 10:00:00".to_vec());
            // 8°35′ as the telephone writes it: three fractions.
            tokens.push([0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 35, 0, 0, 0, 1].to_vec());
        }
        tokens
    }
}

fn text(person: &Person) -> String {
    format!(
        "Jalan di Praya berlubang, dekat {}. NIK saya {}, hubungi {} atau {}.",
        person.word("kata"),
        person.nik(),
        person.phone(),
        person.email()
    )
}

/// A photo of noise, so that no two share a byte sequence, with a comment and EXIF.
pub fn photo(person: &Person, n: usize) -> File {
    let mut state = n as u32 * 7_919 + 17;
    let noise = RgbImage::from_fn(80, 64, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
    });
    let with_exif = photos::of(&DynamicImage::ImageRgb8(noise));
    let comment = person.word("foto");
    let mut content = with_exif[..2].to_vec();
    content.extend_from_slice(&[0xff, 0xfe]);
    content.extend_from_slice(&(comment.len() as u16 + 2).to_be_bytes());
    content.extend_from_slice(comment.as_bytes());
    content.extend_from_slice(&with_exif[2..]);
    File {
        field: "foto",
        name: format!("{}.jpg", person.word("foto")),
        kind: "image/jpeg",
        content,
    }
}

/// The value of a hidden field of a page.
pub fn hidden(page: &Page, name: &str) -> String {
    let field = format!("name=\"{name}\" value=\"");
    let (_, rest) = page
        .text
        .split_once(&field)
        .unwrap_or_else(|| panic!("no field {name} in {}", page.text));
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Submits one complaint of each kind.
pub async fn plant(world: &World, operator: &Browser) -> Vec<Planted> {
    let planting = Kind::ALL.into_iter().enumerate().map(async |(n, kind)| {
        let person = Person::new(n);
        let file = photo(&person, n);
        let (ticket, secret) = match kind {
            Kind::Entered => enter(operator, &person, file).await,
            Kind::Refused => by_channel(world, &person, file).await,
            Kind::Anonim => by_open311(world, &person, file).await,
            _ => by_form(world, kind, &person, file).await,
        };
        find(world, kind, person, ticket, secret).await
    });
    join_all(planting).await
}

async fn by_form(world: &World, kind: Kind, person: &Person, file: File) -> (String, String) {
    let site = Browser::new(world.settings.http("portal"));
    let (key, text) = (hidden(&site.get("/lapor").await, "kunci"), text(person));
    let (name, nik, phone, email, home) = (
        person.name(),
        person.nik(),
        person.phone(),
        person.email(),
        person.home(),
    );
    let mut fields = vec![
        ("kunci", key.as_str()),
        ("isi", &text),
        ("alamat", &home),
        ("nama", &name),
        ("nik", &nik),
        ("telepon", &phone),
        ("surel", &email),
        ("kabupaten", "52.02"),
    ];
    match kind {
        Kind::Rahasia => fields.push(("rahasia", "ya")),
        Kind::Anonim => fields.push(("anonim", "ya")),
        Kind::Oversight => fields.push(("pengawasan", "ya")),
        _ => {}
    }
    let page = site.post_with_files("/lapor", &fields, &[file], &[]).await;
    assert_eq!(page.status, 303, "{}", page.text);
    assert!(
        page.location.starts_with("/lapor/diterima") && !page.location.contains("gagal"),
        "the photo is stored: {}",
        page.location
    );
    let cookie = site.cookie("aduan");
    let (ticket, secret) = cookie.split_once('.').expect("ticket and secret");
    (ticket.to_owned(), secret.to_owned())
}

async fn by_open311(world: &World, person: &Person, mut file: File) -> (String, String) {
    file.field = "media";
    let (text, first, last) = (text(person), person.first_name(), person.last_name());
    let (phone, email, home) = (person.phone(), person.email(), person.home());
    let fields = [
        ("api_key", world.secrets.open311_key.as_str()),
        ("service_code", "jalan-rusak"),
        ("description", &text),
        ("first_name", &first),
        ("last_name", &last),
        ("phone", &phone),
        ("email", &email),
        ("address_string", &home),
        ("attribute[anonim]", "ya"),
    ];
    let page = Browser::new(world.settings.http("intake"))
        .post_with_files(
            "/open311/v2/requests.json?extensions=true",
            &fields,
            &[file],
            &[],
        )
        .await;
    assert_eq!(page.status, 201, "{}", page.text);
    let answer: serde_json::Value = serde_json::from_str(&page.text).expect("JSON");
    let field = |name: &str| answer[0][name].as_str().expect(name).to_owned();
    (field("service_request_id"), field("tracking_secret"))
}

/// As the adapter of a messenger does, whose accounts are telephone numbers.
async fn by_channel(world: &World, person: &Person, file: File) -> (String, String) {
    let account = format!("62{}@s.example", person.phone_digits());
    let accepted = world
        .submit(Submission {
            channel: "whatsapp".into(),
            platform: "whatsapp".into(),
            platform_id: format!("{account}/{}", person.word("kunci")),
            text: text(person),
            address: person.home(),
            reporter: Some(Reporter {
                name: person.name(),
                phone: person.phone(),
                email: person.email(),
                platform_account: account.clone(),
            }),
            permalink: format!("https://sosial.example/{}/1", person.word("tautan")),
            attributes: vec![Attribute {
                code: "kenalan".into(),
                values: vec![person.name()],
            }],
            device_id: person.word("kunci"),
            account_id: account,
            media_url: format!("https://foto.example/{}.jpg", person.word("foto")),
            ..Submission::default()
        })
        .await;
    let header = AttachHeader {
        complaint_id: accepted.complaint_id,
        idempotency_key: person.word("kunci"),
        declared_type: file.kind.into(),
    };
    let parts =
        [Header(header), Chunk(file.content)].map(|part| AttachRequest { part: Some(part) });
    let stored = world.intake().attach(futures::stream::iter(parts)).await;
    stored.expect("the photo is stored");
    (accepted.ticket, accepted.tracking_secret)
}

async fn enter(operator: &Browser, person: &Person, file: File) -> (String, String) {
    let form = operator.get("/petugas/catat").await;
    let (csrf, key) = (hidden(&form, "csrf"), hidden(&form, "kunci"));
    let (text, author, home) = (text(person), person.name(), person.home());
    let fields = [
        ("csrf", csrf.as_str()),
        ("kunci", &key),
        ("isi", &text),
        ("penulis", &author),
        ("alamat", &home),
        ("rahasia", "ya"),
    ];
    let page = operator
        .post_with_files("/petugas/catat", &fields, &[file], &[])
        .await;
    assert_eq!(page.status, 200, "{}", page.text);
    let at = page.text.find("NTB-").expect("a ticket number");
    let ticket: String = page.text[at..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    (ticket, String::new())
}

async fn find(
    world: &World,
    kind: Kind,
    person: Person,
    ticket: String,
    secret: String,
) -> Planted {
    let asked = FindRequest {
        ticket: ticket.clone(),
        complaint_id: String::new(),
    };
    let found = world.intake().find(asked).await.expect("found");
    let id = found.into_inner().complaint_id;
    let as_system = TextsRequest {
        complaint_ids: vec![id.clone()],
        viewer: Some(Viewer {
            actor: Some(Actor {
                person_id: "test".into(),
                role: Role::System.into(),
                opd_code: String::new(),
            }),
            purpose: "support".into(),
            ..Viewer::default()
        }),
    };
    let content = world.intake().texts(as_system).await.expect("texts");
    let mut content = content.into_inner().contents.remove(0);
    let attachments: Vec<String> = content
        .attachments
        .drain(..)
        .map(|a| a.attachment_id)
        .collect();
    assert_eq!(attachments.len(), 1, "{kind:?}: its photo is stored");
    let mut picture = Vec::new();
    if !secret.is_empty() {
        let reporter = Browser::new(world.settings.http("portal"));
        reporter.set_cookie("aduan", &format!("{ticket}.{secret}"));
        let page = reporter
            .get(&format!("/aduan/{ticket}/foto/{}", attachments[0]))
            .await;
        assert_eq!(page.status, 200, "{kind:?}: its reporter gets the photo");
        picture = page.bytes;
    }
    Planted {
        kind,
        person,
        id,
        ticket,
        secret,
        attachments,
        picture,
    }
}
