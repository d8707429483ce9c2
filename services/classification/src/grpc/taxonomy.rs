//! The taxonomy of a day, and its edits by named persons.

use chassis::Failure;
use chassis::grpc::request;
use contracts::classification::edit_taxonomy_request::Edit as Asked;
use contracts::classification::{
    CategoryGroup, EditTaxonomyRequest, EditTaxonomyResponse, Succession, TaxonomyEdit,
    TaxonomyEditsRequest, TaxonomyEditsResponse, TaxonomyRequest, TaxonomyResponse,
};
use contracts::common::{Actor, Role};
use contracts::routing::RegistryRequest;
use contracts::values;
use prost::Message as _;
use time::Date;
use tonic::{Code, Status};

use super::{Calls, MAX_KEY, invalid, key_of};
use crate::domain::taxonomy::{Category, Change, Edit, Group, Name, REGENCY_OF_THE_PLACE, Refusal};
use crate::live::wita;
use crate::store::taxonomy::{self as store, NewEdit};
use crate::wire;

/// Characters that a reason may have.
const MAX_REASON: usize = 500;
/// Characters of a name or a description.
const MAX_WORDS: usize = 300;
const PAGE: u32 = 200;

impl Calls {
    pub(super) async fn categories(
        &self,
        asked: &TaxonomyRequest,
    ) -> Result<TaxonomyResponse, Status> {
        let on = match &asked.on {
            Some(on) => values::datetime(on).ok_or_else(|| invalid("on", "not a point in time"))?,
            None => self.clock.now(),
        };
        let day = wita(on).date();
        let catalogue = self.live.catalogue();
        let history = &catalogue.history;
        let taxonomy = history.on(day);
        let shown: Vec<&Category> = if asked.all {
            history.versions.iter().collect()
        } else {
            taxonomy.categories().collect()
        };
        let mut categories: Vec<_> = shown
            .into_iter()
            .map(|c| wire::category(c, &taxonomy))
            .collect();
        self.promises.put(&mut categories, day).await;
        Ok(TaxonomyResponse {
            categories,
            revision: catalogue.revision.cast_unsigned(),
            groups: history.groups.iter().map(group).collect(),
            successions: history
                .successions
                .iter()
                .map(|s| Succession {
                    code: s.code.clone(),
                    successor: s.successor.clone(),
                    since: wire::day(s.since),
                    reason: s.reason.clone(),
                })
                .collect(),
        })
    }

    pub(super) async fn edit(
        &self,
        request: EditTaxonomyRequest,
    ) -> Result<EditTaxonomyResponse, Status> {
        let person = administrator(request.by.as_ref())?.to_owned();
        let reason = request.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MAX_REASON {
            return Err(invalid("reason", "1 to 500 characters"));
        }
        let now = self.clock.now();
        let today = wita(now).date();
        let from = if request.from.is_empty() {
            today
        } else {
            wire::parse_day(&request.from)
                .ok_or_else(|| invalid("from", "not a day like 2026-01-02"))?
        };
        let edit = edit_of(&request)?;
        let key = key_of(&request.idempotency_key)?;
        let body = EditTaxonomyRequest {
            dry_run: false,
            idempotency_key: String::new(),
            ..request.clone()
        }
        .encode_to_vec();

        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(Failure::from)?;
        let last = store::lock(&tx).await?;
        let (revision, history) = store::load(&tx).await?;
        debug_assert_eq!(revision, last);
        if let Some((revision, known)) = store::answered(&tx, &key).await? {
            return repeated(revision, &known, &body);
        }
        let (_, change) = history
            .edited(&edit, from, today, &reason)
            .map_err(|refusal| refused(&refusal))?;
        self.check_desks(&change, from).await?;
        let answer = EditTaxonomyResponse {
            revision: (last + 1).cast_unsigned(),
            from: wire::day(from),
            codes: change.codes(),
        };
        if request.dry_run {
            return Ok(answer);
        }
        let kept = NewEdit {
            revision: last + 1,
            at: now,
            person: &person,
            from,
            key: &key,
            body: &body,
        };
        store::keep(&tx, &kept, &change).await?;
        tx.commit().await.map_err(Failure::from)?;
        drop(client);
        tracing::info!(
            revision = last + 1,
            person_id = person,
            codes = answer.codes.join(","),
            "the taxonomy was edited"
        );
        // Others follow within a second; this replica has it already when it answers.
        self.live.follow_taxonomy(&self.pool, &self.clock).await?;
        Ok(answer)
    }

    /// A desk that routing does not know would be nobody.
    async fn check_desks(&self, change: &Change, from: Date) -> Result<(), Status> {
        let named = change.begun.iter().flat_map(|c| &c.desks);
        let named: Vec<&String> = named
            .filter(|desk| !desk.is_empty() && *desk != REGENCY_OF_THE_PLACE)
            .collect();
        if named.is_empty() {
            return Ok(());
        }
        let noon = from
            .midnight()
            .assume_offset(wita(self.clock.now()).offset());
        let ask = RegistryRequest {
            on: Some(values::timestamp(noon)),
        };
        let known = self.routing.clone().registry(request(ask, None)).await?;
        let known = known.into_inner().opds;
        match named.iter().find(|d| !known.iter().any(|o| o.code == ***d)) {
            Some(unknown) => Err(Status::invalid_argument(format!(
                "desks: {unknown} is no agency on that day"
            ))),
            None => Ok(()),
        }
    }

    pub(super) async fn past_edits(
        &self,
        asked: &TaxonomyEditsRequest,
    ) -> Result<TaxonomyEditsResponse, Status> {
        let before = match asked.before {
            0 => i64::MAX,
            before => before.cast_signed(),
        };
        let limit = i64::from(asked.limit.clamp(1, PAGE));
        let edits = store::edits(&self.pool, before, limit).await?;
        Ok(TaxonomyEditsResponse {
            edits: edits
                .into_iter()
                .map(|(revision, at, body)| {
                    Ok(TaxonomyEdit {
                        revision: revision.cast_unsigned(),
                        at: Some(values::timestamp(at)),
                        edit: Some(
                            EditTaxonomyRequest::decode(&*body)
                                .map_err(|_| Status::internal("a stored edit is unreadable"))?,
                        ),
                    })
                })
                .collect::<Result<_, Status>>()?,
        })
    }
}

fn repeated(revision: i64, known: &[u8], body: &[u8]) -> Result<EditTaxonomyResponse, Status> {
    if known != body {
        return Err(Status::already_exists(
            "idempotency_key: it was used for another edit",
        ));
    }
    let unreadable = |_| Status::internal("a stored edit is unreadable");
    let edit = EditTaxonomyRequest::decode(known).map_err(unreadable)?;
    Ok(EditTaxonomyResponse {
        revision: revision.cast_unsigned(),
        codes: Vec::new(),
        from: edit.from,
    })
}

fn group(group: &Group) -> CategoryGroup {
    CategoryGroup {
        code: group.code.clone(),
        name: group.name.id.clone(),
        name_en: group.name.en.clone(),
    }
}

/// The dated data are changed by a named administrator, or by whoever holds the operating policy.
///
/// # Errors
/// INVALID_ARGUMENT without a person, PERMISSION_DENIED for another role.
pub(super) fn administrator(by: Option<&Actor>) -> Result<&str, Status> {
    let by = by
        .filter(|by| (1..=MAX_KEY).contains(&by.person_id.len()))
        .ok_or_else(|| invalid("by", "names no person"))?;
    if matches!(by.role(), Role::Administrator | Role::Oversight) {
        Ok(&by.person_id)
    } else {
        Err(Status::permission_denied(
            "this role may not change what the model and the taxonomy are",
        ))
    }
}

fn category(field: &str, asked: &contracts::classification::Category) -> Result<Category, Status> {
    let words = [&asked.name, &asked.name_en, &asked.description];
    if words.iter().any(|w| w.chars().count() > MAX_WORDS) {
        return Err(invalid(field, "at most 300 characters each"));
    }
    wire::asked(asked).map_err(|what| invalid(format!("{field}.{what}"), "is missing or unknown"))
}

fn edit_of(request: &EditTaxonomyRequest) -> Result<Edit, Status> {
    Ok(match &request.edit {
        None => return Err(invalid("edit", "is missing")),
        Some(Asked::PutGroup(group)) => {
            if group.name.trim().is_empty() || contracts::ids::Code::try_new(&*group.code).is_err()
            {
                return Err(invalid("put_group", "needs a code and a name"));
            }
            Edit::PutGroup(Group {
                code: group.code.clone(),
                name: Name {
                    id: group.name.trim().to_owned(),
                    en: group.name_en.trim().to_owned(),
                },
            })
        }
        Some(Asked::Add(new)) => Edit::Add(category("add", new)?),
        Some(Asked::Change(new)) => Edit::Change(category("change", new)?),
        Some(Asked::Merge(merge)) => Edit::Merge {
            codes: merge.codes.clone(),
            into: merge.into.clone(),
        },
        Some(Asked::Split(split)) => Edit::Split {
            code: split.code.clone(),
            into: split
                .into
                .iter()
                .map(|part| {
                    let by_code = contracts::classification::Category {
                        code: part.code.clone(),
                        ..Default::default()
                    };
                    // One that there is, named by its code alone: nothing else of it is read.
                    if *part == by_code {
                        known(&part.code)
                    } else {
                        category("split.into", part)
                    }
                })
                .collect::<Result<_, _>>()?,
        },
    })
}

fn known(code: &str) -> Result<Category, Status> {
    use crate::domain::labels::{Kind, Level, Urgency};
    Ok(Category {
        code: code.to_owned(),
        group: String::new(),
        name: Name {
            id: String::new(),
            en: String::new(),
        },
        description: String::new(),
        desks: Default::default(),
        level: Level::Provincial,
        default_kind: Kind::Complaint,
        default_urgency: Urgency::Normal,
        valid_from: Date::MIN,
        valid_to: None,
    })
}

fn refused(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::NotGiven(_) => Code::NotFound,
        Refusal::Known(_) => Code::AlreadyExists,
        Refusal::Later(_) | Refusal::Other | Refusal::Nothing => Code::FailedPrecondition,
        Refusal::Past | Refusal::Parts(_) | Refusal::Rule(_) => Code::InvalidArgument,
    };
    let mut said = refusal.to_string();
    if let Refusal::Rule(rule) = refusal {
        said = format!("{said}: {rule}");
    }
    Status::new(code, said)
}
