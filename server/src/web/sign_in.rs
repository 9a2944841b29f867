//! Signing in and out, and the link by which an account gets its password.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::person::{Account, Right, Role, SignIn};
use protocol::{AccountId, Command, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{COOKIE, Caller, Visitor, Who, unauthorized};
use super::problem::Problem;
use crate::app::Shared;
use crate::centre::is_account_name;
use crate::people::passwords::PasswordError;
use crate::people::secrets::{self, hash};

/// How long somebody stays signed in: a working day, or as long as they have the browser remember it.
const DAY_SECS: i64 = 12 * 3600;
const REMEMBERED_SECS: i64 = 30 * 86_400;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    #[schema(value_type = String, example = "an.nguyen")]
    account: AccountId,
    #[schema(example = "a sentence that is easy to remember")]
    password: String,
    /// For 30 days instead of 12 hours.
    #[serde(default)]
    remember: bool,
}

/// Who somebody is here, and what they may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Absent for programs, and in a centre without accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "an.nguyen")]
    account: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "An Nguyen")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "operator")]
    role: Option<Role>,
    /// Of `read`, `arrange`, `present`, `attend`, `deliver`, `administer`.
    #[schema(example = json!(["read", "present"]))]
    rights: Vec<&'static str>,
    /// Whether this centre has accounts at all.
    has_accounts: bool,
}

impl Me {
    fn of(account: &Account) -> Self {
        Self {
            account: Some(account.id.clone()),
            name: Some(account.name.clone()),
            role: Some(account.role),
            rights: Right::ALL.into_iter().filter(|right| account.role.has(*right)).map(Right::name).collect(),
            has_accounts: true,
        }
    }
}

/// Who asks, as the server sees it.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "people",
    responses(
        (status = 200, body = Me),
        (status = 401, description = "Not signed in", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn me(caller: Caller) -> Json<Me> {
    Json(match &caller.who {
        Who::Account(account, _) => Me::of(account),
        who => Me {
            account: None,
            name: caller.name().map(str::to_owned),
            role: None,
            rights: Right::ALL.into_iter().filter(|right| caller.may(*right)).map(Right::name).collect(),
            has_accounts: matches!(who, Who::Token(_)),
        },
    })
}

/// Lets somebody in whose password is right.
#[utoipa::path(
    post, path = "/api/v1/sign-in", tag = "people",
    request_body = Credentials,
    responses(
        (status = 200, description = "With a cookie that no script can read", body = Me),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "The account or the password is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "From a page of another origin", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The account may not sign in, or this centre has no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not of this form", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong passwords; Retry-After tells when to try again", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now, or too many sign in at once", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn sign_in(
    State(shared): State<Shared>,
    visitor: Visitor,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Credentials { account, password, remember }) = body?;
    let wrong = || unauthorized("the account or the password is wrong");
    if !is_account_name(account.as_str()) {
        return Err(wrong());
    }
    shared.door.keeper.admit(&account, visitor.from, shared.clock.now()).map_err(too_many)?;
    let people = Arc::clone(&shared.centre.borrow().people);
    let known = people.password(&account);
    let is_right = match shared.door.passwords.verify(known.clone(), password).await {
        Ok(is_right) => is_right,
        Err(error) => {
            shared.door.keeper.forgive(&account, visitor.from, false);
            return Err(error.into());
        }
    };
    let (Some(holder), Some(known)) = (people.active(&account).filter(|_| is_right), known) else {
        // Of a name that is no account nothing is told: somebody may have typed a password there.
        let account = people.accounts.get(&account).map(|account| account.id.as_str());
        tracing::warn!(account, from = ?visitor.from, "a wrong password");
        return Err(wrong());
    };
    shared.door.keeper.forgive(&account, visitor.from, true);
    let_in(&shared, holder, &known, visitor, remember).await
}

/// Begins a sign-in, and answers with its cookie. `password` is the hash that was compared with: it may be another by now.
async fn let_in(
    shared: &Shared,
    account: &Account,
    password: &str,
    visitor: Visitor,
    remember: bool,
) -> Result<Response, Problem> {
    let (secret, secs) = (secrets::fresh(), if remember { REMEMBERED_SECS } else { DAY_SECS });
    let expires_at = shared.clock.now().plus_micros(secs * 1_000_000);
    let sign_in = SignIn { secret: hash(&secret), account: account.id.clone(), expires_at };
    let command = Command::BeginSignIn { sign_in, password: password.to_owned() };
    shared.recorder.command(visitor.asking(&account.id), command).await?;
    let cookie = cookie(shared, &secret, secs)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(Me::of(account))).into_response())
}

fn cookie(shared: &Shared, secret: &str, max_age_secs: i64) -> Result<HeaderValue, Problem> {
    let secure = if shared.settings.borrow().access.secure_cookies { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_secs}{secure}");
    HeaderValue::try_from(cookie).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// Ends it in this browser.
#[utoipa::path(
    post, path = "/api/v1/sign-out", tag = "people",
    responses(
        (status = 204, description = "Signed out"),
        (status = 401, description = "Not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "From a page of another origin", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn sign_out(State(shared): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let cookie = cookie(&shared, "", 0)?;
    if let Who::Account(_, secret) = &caller.who {
        let secret = secret.clone();
        let ended = shared.recorder.command(caller.asking(), Command::EndSignIn { secret }).await;
        // The browser forgets it all the same.
        ended.map_err(|error| {
            Problem::from(error).with_header(header::SET_COOKIE, cookie.to_str().unwrap_or_default())
        })?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Whom an invitation is for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invited {
    #[schema(value_type = String, example = "an.nguyen")]
    account: AccountId,
    #[schema(example = "An Nguyen")]
    name: String,
    /// Microseconds of Unix time.
    #[schema(value_type = i64)]
    expires_at: Timestamp,
}

/// Whom an invitation is for.
#[utoipa::path(
    get, path = "/api/v1/invitations/{secret}", tag = "people",
    params(("secret" = String, Path, description = "The end of the link")),
    responses(
        (status = 200, body = Invited),
        (status = 404, description = "It was used, has expired, or another one was sent since", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn invitation(State(shared): State<Shared>, Path(secret): Path<String>) -> Result<Json<Invited>, Problem> {
    find(&shared, &secret).map(Json)
}

fn find(shared: &Shared, secret: &str) -> Result<Invited, Problem> {
    let people = Arc::clone(&shared.centre.borrow().people);
    let invitation = people.invitation(&hash(secret), shared.clock.now());
    let found = invitation.and_then(|invitation| Some((invitation, people.active(&invitation.account)?)));
    let (invitation, account) = found.ok_or_else(|| {
        Problem::not_found(
            "this link was used, has expired, or another one was sent since; ask an administrator for one",
        )
    })?;
    Ok(Invited { account: account.id.clone(), name: account.name.clone(), expires_at: invitation.expires_at })
}

/// The password that an account gets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// At least 10 characters.
    password: String,
}

/// Gives the account of an invitation a password, and signs in.
#[utoipa::path(
    post, path = "/api/v1/invitations/{secret}", tag = "people",
    params(("secret" = String, Path, description = "The end of the link")),
    request_body = NewPassword,
    responses(
        (status = 200, description = "Signed in; with a cookie that no script can read", body = Me),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "From a page of another origin", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "It was used, has expired, or another one was sent since", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It was used meanwhile", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The password is too short, or not of this form", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn accept(
    State(shared): State<Shared>,
    Path(secret): Path<String>,
    visitor: Visitor,
    body: Result<Json<NewPassword>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewPassword { password }) = body?;
    let Invited { account, .. } = find(&shared, &secret)?;
    let password = shared.door.passwords.hash(&account, password).await?;
    let (account_id, invitation) = (account.clone(), hash(&secret));
    let command = Command::SetPassword { account: account_id, password: password.clone(), invitation };
    shared.recorder.command(visitor.asking(&account), command).await?;
    shared.door.keeper.forgive(&account, visitor.from, true);
    let people = Arc::clone(&shared.centre.borrow().people);
    let known = people.active(&account).ok_or_else(|| unauthorized("this account may not sign in"))?;
    let_in(&shared, known, &password, visitor, false).await
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Unfit(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            PasswordError::Busy => Self::unavailable(error.to_string(), 2),
            PasswordError::Failed(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}

fn too_many(wait_secs: i64) -> Problem {
    let minutes = (wait_secs + 59).div_euclid(60);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("too many wrong passwords; try again in {minutes} min, or ask an administrator for a new link"),
    )
    .with_header(header::RETRY_AFTER, &wait_secs.max(1).to_string())
}
