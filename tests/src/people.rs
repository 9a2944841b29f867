//! People and programs who ask a centre that has accounts.

use anyhow::{Context, Result, ensure};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::Server;

/// Long enough for every account.
pub const PASSWORD: &str = "một câu dài dễ nhớ";

/// How somebody shows who they are.
#[derive(Debug, Clone)]
pub enum Caller {
    Nobody,
    /// By the cookie of a browser, whose page is of the server itself.
    Cookie(String),
    /// The same, of a page of somewhere else.
    CookieFromElsewhere(String),
    Token(String),
}

impl Caller {
    /// Makes a request as this one.
    pub fn request(&self, server: &Server, method: Method, path: &str) -> RequestBuilder {
        let request = server.http().request(method, server.url(path));
        match self {
            Self::Nobody => request,
            Self::Cookie(cookie) => request.header("cookie", cookie).header("origin", server.address()),
            Self::CookieFromElsewhere(cookie) => {
                request.header("cookie", cookie).header("origin", "http://elsewhere.example")
            }
            Self::Token(token) => request.bearer_auth(token),
        }
    }

    /// Sends JSON; status and answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, server: &Server, method: Method, path: &str, body: &Value) -> Result<(u16, Value)> {
        let response = self.request(server, method, path).json(body).send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// Posts JSON; the answer.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn post(&self, server: &Server, path: &str, body: &Value) -> Result<Value> {
        let (status, answer) = self.send(server, Method::POST, path, body).await?;
        ensure!((200..300).contains(&status), "POST {path}: {status} {answer}");
        Ok(answer)
    }
}

/// Gives the first administrator a password by the link that a server prints after it began.
///
/// # Errors
/// When it prints none.
pub async fn first_administrator(server: &mut Server) -> Result<Caller> {
    let line = server.process().line(std::time::Duration::from_secs(10)).await?;
    let path = line.split_whitespace().find_map(|word| word.strip_prefix("http://")?.split_once('/'));
    let (_, path) = path.with_context(|| format!("no link in: {line}"))?;
    accept(server, &format!("/{path}")).await
}

/// Gives the account of a link its password, and is signed in.
///
/// # Errors
/// When the link is not good.
pub async fn accept(server: &Server, path: &str) -> Result<Caller> {
    let secret = path.strip_prefix("/invitation/").with_context(|| format!("no link: {path}"))?;
    let url = server.url(&format!("/api/v1/invitations/{secret}"));
    let request = server.http().post(url).header("origin", server.address());
    cookie_of(request.json(&json!({ "password": PASSWORD })).send().await?).await
}

/// Signs in.
///
/// # Errors
/// When the server does not let in.
pub async fn sign_in(server: &Server, account: &str, password: &str) -> Result<Caller> {
    let request = server.http().post(server.url("/api/v1/sign-in")).header("origin", server.address());
    cookie_of(request.json(&json!({ "account": account, "password": password })).send().await?).await
}

async fn cookie_of(response: Response) -> Result<Caller> {
    let cookie = response.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok()).map(str::to_owned);
    let (status, text) = (response.status(), response.text().await?);
    let cookie = cookie.with_context(|| format!("no cookie: {status} {text}"))?;
    for needed in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        ensure!(cookie.contains(needed), "the cookie is not {needed}: {cookie}");
    }
    Ok(Caller::Cookie(cookie.split(';').next().unwrap_or_default().to_owned()))
}

/// Makes an account of a role and signs in by its link.
///
/// # Errors
/// When it cannot be made.
pub async fn make(server: &Server, administrator: &Caller, id: &str, role: &str) -> Result<Caller> {
    let account = json!({ "id": id, "name": id, "role": role });
    let link = administrator.post(server, "/api/v1/accounts", &account).await?;
    accept(server, link["path"].as_str().unwrap_or_default()).await
}

/// Makes a token.
///
/// # Errors
/// When it cannot be made.
pub async fn token(server: &Server, administrator: &Caller, holder: &Value, expires_at: Option<&str>) -> Result<Token> {
    let wanted = json!({ "name": "Thử", "holder": holder, "expires_at": expires_at });
    let made = administrator.post(server, "/api/v1/tokens", &wanted).await?;
    let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
    Ok(Token { id: text("id"), secret: text("secret") })
}

/// A token with its secret.
#[derive(Debug, Clone)]
pub struct Token {
    pub id: String,
    pub secret: String,
}
