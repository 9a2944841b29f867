//! Who asks, and whether they may: somebody who signed in, by a cookie; a program, by its token; and in a centre without
//! accounts whoever is on this machine.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::MethodRouter;
use protocol::person::{AccessToken, Account, Actor, Asking, Holder, Right, SecretHash};
use protocol::{AccountId, SourceId, Timestamp, ViewName};

use super::peer::{self, is_same_origin};
use super::problem::Problem;
use crate::app::Shared;
use crate::centre::People;
use crate::people::secrets::hash;

/// The cookie of who has signed in.
pub const COOKIE: &str = "ioc-session";

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    pub who: Who,
    pub from: Option<IpAddr>,
}

/// What is known of who asks.
#[derive(Debug, Clone)]
pub enum Who {
    /// Signed in by the cookie of this secret.
    Account(Arc<Account>, SecretHash),
    Token(Arc<AccessToken>),
    /// In a centre without accounts: whoever is on this machine.
    ThisMachine,
    /// In a centre without accounts: anybody else.
    Anybody,
}

impl Caller {
    /// Whether it may do something.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        match &self.who {
            Who::ThisMachine => true,
            Who::Anybody => right == Right::Read,
            Who::Account(account, _) => account.role.has(right),
            Who::Token(token) => token.holder.has(right),
        }
    }

    /// Whether what let it in is still good.
    #[must_use]
    pub fn is_good(&self, people: &People, now: Timestamp) -> bool {
        match &self.who {
            Who::Account(account, secret) => {
                people.signed_in(secret, now).is_some_and(|known| known.role == account.role)
            }
            Who::Token(token) => {
                let is_over = token.expires_at.is_some_and(|expires_at| expires_at <= now);
                !is_over && people.tokens.contains_key(&token.id)
            }
            Who::ThisMachine | Who::Anybody => true,
        }
    }

    /// Whether it may do something, and why not.
    ///
    /// # Errors
    /// 403 with what is missing.
    fn check(&self, right: Right) -> Result<(), Problem> {
        let what = work(right);
        match &self.who {
            _ if self.may(right) => Ok(()),
            Who::ThisMachine | Who::Anybody => {
                Err(forbidden(format!("{what} takes somebody on this machine, while there are no accounts")))
            }
            Who::Account(account, _) => {
                let role = account.role.name();
                Err(forbidden(format!(
                    "{what} is not for the role '{role}'; an administrator can give you another one"
                )))
            }
            Who::Token(token) => Err(forbidden(format!("the token '{}' is not for {what}", token.name))),
        }
    }

    /// Whether it may bring in figures of a source.
    ///
    /// # Errors
    /// 403, as the token is for another one.
    pub fn check_source(&self, source: &SourceId) -> Result<(), Problem> {
        match &self.who {
            Who::Token(token) => match &token.holder {
                Holder::Source { source: own } if own != source => {
                    Err(forbidden(format!("the token '{}' is for the source '{own}', not '{source}'", token.name)))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Whether it may follow any view at all.
    ///
    /// # Errors
    /// 403 with what is missing.
    pub fn check_live(&self) -> Result<(), Problem> {
        match &self.who {
            Who::Token(token) if matches!(token.holder, Holder::Wall { .. }) => Ok(()),
            _ => self.check(Right::Read),
        }
    }

    /// Whether it may follow a view.
    ///
    /// # Errors
    /// 403, as the token is for another wall.
    pub fn check_view(&self, view: &ViewName) -> Result<(), Problem> {
        let Who::Token(token) = &self.who else { return Ok(()) };
        let Holder::Wall { wall: own } = &token.holder else { return Ok(()) };
        match view {
            ViewName::Wall(wall) if wall == own => Ok(()),
            _ => Err(forbidden(format!("the token '{}' is for the wall '{own}' only", token.name))),
        }
    }

    /// As it is noted with what it asks for.
    #[must_use]
    pub fn asking(&self) -> Asking {
        let by = match &self.who {
            Who::Account(account, _) => Actor::Account(account.id.clone()),
            Who::Token(token) => Actor::Token(token.id.clone()),
            Who::ThisMachine | Who::Anybody => Actor::Unnamed,
        };
        Asking { by, from: self.from.map(|from| from.to_string()) }
    }

    /// The account of who is signed in.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        match &self.who {
            Who::Account(account, _) => Some(account),
            _ => None,
        }
    }

    /// The name to show, of somebody who has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.who {
            Who::Account(account, _) => Some(&account.name),
            Who::Token(token) => Some(&token.name),
            Who::ThisMachine | Who::Anybody => None,
        }
    }
}

/// What a right is for, in words.
const fn work(right: Right) -> &'static str {
    match right {
        Right::Read => "looking at the centre",
        Right::Arrange => "changing layouts",
        Right::Present => "deciding what walls show",
        Right::Attend => "seeing to alarms",
        Right::Deliver => "bringing figures in",
        Right::Administer => "administration",
    }
}

fn forbidden(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, detail)
}

/// 401: who it is has to be shown first.
pub fn unauthorized(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail).with_header(header::WWW_AUTHENTICATE, "Bearer")
}

/// Lets only those through who have a right. Handlers find out who it is by taking a [`Caller`].
pub fn allowed(shared: &Shared, right: Right, methods: MethodRouter<Shared>) -> MethodRouter<Shared> {
    methods.route_layer(from_fn_with_state((shared.clone(), right), admit))
}

/// Lets everybody through of whom it is known who they are.
pub fn known(shared: &Shared, methods: MethodRouter<Shared>) -> MethodRouter<Shared> {
    methods.route_layer(from_fn_with_state(shared.clone(), recognise))
}

async fn recognise(State(shared): State<Shared>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let caller = identify(&shared, &request)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn admit(
    State((shared, right)): State<(Shared, Right)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = match identify(&shared, &request) {
        // Somebody who follows a link is shown where to sign in.
        Err(_) if is_page_wanted(&request) => return Ok(Redirect::to("/console/").into_response()),
        caller => caller?,
    };
    caller.check(right)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn is_page_wanted(request: &Request) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    request.method() == Method::GET && accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    /// Behind a route that somebody is [`allowed`] to.
    async fn from_request_parts(parts: &mut Parts, _shared: &Shared) -> Result<Self, Problem> {
        let known = parts.extensions.get::<Self>().cloned();
        known.ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this address does not look who asks"))
    }
}

/// Somebody of whom nobody needs to know who it is, who may change something all the same: whoever signs in.
#[derive(Debug, Clone, Copy)]
pub struct Visitor {
    pub from: Option<IpAddr>,
}

impl Visitor {
    /// As it is noted with what it asks for, once it is known whose account it is.
    #[must_use]
    pub fn asking(self, account: &AccountId) -> Asking {
        Asking { by: Actor::Account(account.clone()), from: self.from.map(|from| from.to_string()) }
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        if !shared.settings.borrow().access.accounts {
            return Err(Problem::new(StatusCode::CONFLICT, "this centre has no accounts; nobody signs in"));
        }
        if !is_same_origin(&parts.headers) {
            return Err(forbidden("nothing is taken from pages of another origin"));
        }
        Ok(Self { from: from(&parts.extensions) })
    }
}

/// Where a request comes from.
pub fn from(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical())
}

/// Who makes a request.
///
/// # Errors
/// 401 when nobody knows, 403 when it comes from a page of somewhere else.
fn identify(shared: &Shared, request: &Request) -> Result<Caller, Problem> {
    let caller = identify_if_said(shared, request)?;
    caller.ok_or_else(|| unauthorized("sign in, or send a token as 'Authorization: Bearer …'"))
}

/// Who makes a request, if it says so.
///
/// # Errors
/// 401 when what it says is not so, 403 when it comes from a page of somewhere else.
pub fn identify_if_said(shared: &Shared, request: &Request) -> Result<Option<Caller>, Problem> {
    let (headers, from) = (request.headers(), from(request.extensions()));
    // Pages of elsewhere may open a WebSocket and read it; anything else that is only read they cannot.
    let is_upgrade = headers.contains_key(header::UPGRADE);
    if is_upgrade && !is_same_origin(headers) {
        return Err(forbidden("nothing is told to pages of another origin"));
    }
    if !shared.settings.borrow().access.accounts {
        let who = match peer::check(headers, from, &shared.settings.borrow().server.listen) {
            Ok(()) => Who::ThisMachine,
            Err(problem) if changes(request.method()) => return Err(problem),
            Err(_) => Who::Anybody,
        };
        return Ok(Some(Caller { who, from }));
    }
    let has_origin = headers.contains_key(header::ORIGIN);
    let is_guarded = changes(request.method()) || is_upgrade;
    if has_origin && is_guarded && !is_same_origin(headers) {
        return Err(forbidden("nothing is taken from pages of another origin"));
    }
    let people = Arc::clone(&shared.centre.borrow().people);
    let now = shared.clock.now();
    let who = match (bearer(headers)?, cookie(headers, COOKIE)) {
        (Some(secret), _) => Who::Token(token(&people, secret, now)?),
        (None, Some(secret)) => {
            let hash = hash(secret);
            let account = people.signed_in(&hash, now).ok_or_else(|| {
                unauthorized("you are signed in no more: it was too long ago, or somebody ended it; sign in again")
            })?;
            if is_guarded && !has_origin {
                return Err(forbidden(
                    "a browser that changes something says where its page comes from; this one has no Origin",
                ));
            }
            Who::Account(Arc::clone(account), hash)
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(Caller { who, from }))
}

/// The token of a secret, if it is good.
///
/// # Errors
/// 401 with the reason.
pub fn token(people: &People, secret: &str, now: Timestamp) -> Result<Arc<AccessToken>, Problem> {
    let token = people
        .token(&hash(secret))
        .ok_or_else(|| unauthorized("this token is not known here; it may have been revoked"))?;
    match token.expires_at {
        Some(expires_at) if expires_at <= now => {
            Err(unauthorized(format!("the token '{}' has expired; an administrator can make another one", token.name)))
        }
        _ => Ok(Arc::clone(token)),
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// # Errors
/// 401 when it is no bearer token.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(given) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let (scheme, secret) = given.to_str().ok().and_then(|given| given.split_once(' ')).unwrap_or_default();
    let secret = Some(secret.trim()).filter(|secret| scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty());
    secret.map(Some).ok_or_else(|| unauthorized("'Authorization' is 'Bearer' and a token"))
}

/// A cookie by its name.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    all.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}
