//! Accounts and tokens: who may come in, decided by administrators.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::person::{AccessToken, Account, Holder, Invitation, Role};
use protocol::{AccountId, AgencyId, Command, Timestamp, TokenId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Caller;
use super::openapi::HolderShape;
use super::problem::Problem;
use super::query::rfc3339;
use crate::app::Shared;
use crate::centre::AccountStanding;
use crate::people::secrets::{self, hash};

/// How long a link to set a password is good.
pub const INVITATION_MICROS: i64 = 3 * 86_400 * 1_000_000;

/// An account as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnownAccount {
    #[schema(value_type = String, example = "an.nguyen")]
    id: AccountId,
    #[schema(example = "An Nguyen")]
    name: String,
    #[schema(value_type = String, example = "operator")]
    role: Role,
    /// Always empty for now: accounts cannot be limited to agencies yet.
    #[schema(value_type = Vec<String>)]
    agencies: BTreeSet<AgencyId>,
    is_active: bool,
    standing: AccountStanding,
}

impl KnownAccount {
    fn of(shared: &Shared, account: &Account) -> Self {
        let standing = shared.centre.borrow().people.standing(&account.id, shared.clock.now());
        let Account { id, name, role, agencies, is_active } = account.clone();
        Self { id, name, role, agencies, is_active, standing }
    }
}

/// The accounts there are.
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "people",
    responses(
        (status = 200, body = Vec<KnownAccount>),
        (status = 401, description = "Not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn accounts(State(shared): State<Shared>) -> Json<Vec<KnownAccount>> {
    let people = Arc::clone(&shared.centre.borrow().people);
    Json(people.accounts.values().map(|account| KnownAccount::of(&shared, account)).collect())
}

/// An account to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// What its holder signs in with: 2 to 64 of a-z, 0-9, '.', '-' and '_'.
    #[schema(value_type = String, example = "an.nguyen")]
    id: AccountId,
    #[schema(example = "An Nguyen")]
    name: String,
    #[schema(value_type = String, example = "operator")]
    role: Role,
}

/// What can be changed of an account; all of it is said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedAccount {
    #[schema(example = "An Nguyen")]
    name: String,
    #[schema(value_type = String, example = "operator")]
    role: Role,
    /// Whether its holder may sign in.
    is_active: bool,
}

/// A link by which an account gets its password. It is shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct Link {
    #[schema(value_type = String, example = "an.nguyen")]
    account: AccountId,
    /// Below the address of the server.
    #[schema(example = "/invitation/ioc-…")]
    path: String,
    /// Microseconds of Unix time.
    #[schema(value_type = i64)]
    expires_at: Timestamp,
}

/// Makes an account, and a link for its holder to give it a password.
#[utoipa::path(
    post, path = "/api/v1/accounts", tag = "people",
    request_body = NewAccount,
    responses(
        (status = 201, body = Link),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is one of this name", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not of this form", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn make_account(
    State(shared): State<Shared>,
    caller: Caller,
    body: Result<Json<NewAccount>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewAccount { id, name, role }) = body?;
    let account = Account { id: id.clone(), name, role, agencies: BTreeSet::new(), is_active: true };
    shared.recorder.command(caller.asking(), Command::SaveAccount { account, is_new: true }).await?;
    Ok((StatusCode::CREATED, Json(link(&shared, &caller, id).await?)).into_response())
}

/// Changes an account. Whoever may not sign in any more is out at once.
#[utoipa::path(
    put, path = "/api/v1/accounts/{id}", tag = "people",
    params(("id" = String, Path, description = "The account")),
    request_body = ChangedAccount,
    responses(
        (status = 200, body = KnownAccount),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such account", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is the last administrator", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not of this form", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn change_account(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<AccountId>,
    body: Result<Json<ChangedAccount>, JsonRejection>,
) -> Result<Json<KnownAccount>, Problem> {
    let Json(ChangedAccount { name, role, is_active }) = body?;
    let account = Account { id, name, role, agencies: BTreeSet::new(), is_active };
    let command = Command::SaveAccount { account: account.clone(), is_new: false };
    shared.recorder.command(caller.asking(), command).await?;
    Ok(Json(KnownAccount::of(&shared, &account)))
}

/// Makes a new link for an account; one that was made before is good no more. Who is signed in stays so until the new
/// password is given.
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/invite", tag = "people",
    params(("id" = String, Path, description = "The account")),
    responses(
        (status = 200, body = Link),
        (status = 401, description = "Not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such account", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It may not sign in", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn invite(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<AccountId>,
) -> Result<Json<Link>, Problem> {
    link(&shared, &caller, id).await.map(Json)
}

async fn link(shared: &Shared, caller: &Caller, account: AccountId) -> Result<Link, Problem> {
    let secret = secrets::fresh();
    let expires_at = shared.clock.now().plus_micros(INVITATION_MICROS);
    let invitation = Invitation { account: account.clone(), secret: hash(&secret), expires_at };
    shared.recorder.command(caller.asking(), Command::Invite { invitation }).await?;
    Ok(Link { account, path: format!("/invitation/{secret}"), expires_at })
}

/// A token as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnownToken {
    #[schema(value_type = String, example = "3f9c2a7e")]
    id: TokenId,
    #[schema(example = "Main wall")]
    name: String,
    #[schema(value_type = HolderShape)]
    holder: Holder,
    /// Microseconds of Unix time.
    #[schema(value_type = i64)]
    made_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    expires_at: Option<Timestamp>,
    is_expired: bool,
}

impl KnownToken {
    fn of(token: &AccessToken, now: Timestamp) -> Self {
        let AccessToken { id, name, holder, made_at, expires_at, .. } = token.clone();
        Self { id, name, holder, made_at, expires_at, is_expired: expires_at.is_some_and(|at| at <= now) }
    }
}

/// The tokens that were made and not revoked.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "people",
    responses(
        (status = 200, body = Vec<KnownToken>),
        (status = 401, description = "Not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn tokens(State(shared): State<Shared>) -> Json<Vec<KnownToken>> {
    let (people, now) = (Arc::clone(&shared.centre.borrow().people), shared.clock.now());
    Json(people.tokens.values().map(|token| KnownToken::of(token, now)).collect())
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    #[schema(example = "Main wall")]
    name: String,
    #[schema(value_type = HolderShape)]
    holder: Holder,
    /// RFC 3339 with an offset; it is good for ever if absent.
    #[serde(default)]
    #[schema(example = "2027-01-01T00:00:00+07:00")]
    expires_at: Option<String>,
}

/// A token with its secret, which is shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeToken {
    #[serde(flatten)]
    known: KnownToken,
    /// What the program sends as `Authorization: Bearer …`.
    #[schema(example = "ioc-…")]
    secret: String,
}

/// Makes a token for a wall, a source or a program.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "people",
    request_body = NewToken,
    responses(
        (status = 201, body = MadeToken),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such wall", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not of this form", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn make_token(
    State(shared): State<Shared>,
    caller: Caller,
    body: Result<Json<NewToken>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewToken { name, holder, expires_at }) = body?;
    let expires_at = match expires_at {
        None => None,
        Some(at) => Some(rfc3339(&at).ok_or_else(|| {
            let message = "'expires_at' is no moment; write RFC 3339 with an offset, such as 2027-01-01T00:00:00+07:00";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message)
        })?),
    };
    let (secret, made_at) = (secrets::fresh(), shared.clock.now());
    let id = TokenId::from(format!("{:08x}", rand::random::<u32>()));
    let token = AccessToken { id, name, secret: hash(&secret), holder, made_at, expires_at };
    shared.recorder.command(caller.asking(), Command::MakeToken { token: token.clone() }).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { known: KnownToken::of(&token, made_at), secret })).into_response())
}

/// Lets nobody in by a token any more; who came in by it is sent away.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "people",
    params(("id" = String, Path, description = "The token")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 401, description = "Not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such token", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn revoke_token(
    State(shared): State<Shared>,
    caller: Caller,
    Path(token): Path<TokenId>,
) -> Result<StatusCode, Problem> {
    shared.recorder.command(caller.asking(), Command::RevokeToken { token }).await?;
    Ok(StatusCode::NO_CONTENT)
}
