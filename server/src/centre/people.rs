//! Who may come in: accounts and their passwords, invitations, who is signed in, and the tokens of programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::event::{AccountSaved, InvitationMade, PasswordSet, SignedIn, SignedOut, TokenMade, TokenRevoked};
use protocol::person::{AccessToken, Account, Holder, Invitation, Role, SecretHash, SignIn};
use protocol::{AccountId, Event, Timestamp, TokenId};

use super::admit_records::{MOST_NAME, check_text};
use super::alarms::shown;
use super::layouts::not_found;
use super::{Centre, Refusal};

/// Most accounts, and most tokens that are good.
const MOST_ACCOUNTS: usize = 5_000;
const MOST_TOKENS: usize = 1_000;
/// Most browsers in which somebody is signed in; of one account so many, then the oldest is out.
const MOST_SIGN_INS: usize = 20_000;
const MOST_SIGN_INS_OF_ONE: usize = 20;

/// All that is known of who may come in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct People {
    pub accounts: BTreeMap<AccountId, Arc<Account>>,
    /// Hashes of passwords; none of those that have not been given one yet.
    passwords: BTreeMap<AccountId, Arc<str>>,
    invitations: BTreeMap<AccountId, Arc<Invitation>>,
    sign_ins: BTreeMap<SecretHash, Arc<SignIn>>,
    /// Those that are good, or were until they expired.
    pub tokens: BTreeMap<TokenId, Arc<AccessToken>>,
    token_of: BTreeMap<SecretHash, TokenId>,
}

impl People {
    /// The hash of the password of an account that may sign in.
    #[must_use]
    pub fn password(&self, account: &AccountId) -> Option<Arc<str>> {
        self.active(account)?;
        self.passwords.get(account).cloned()
    }

    /// An account whose holder may do something.
    #[must_use]
    pub fn active(&self, account: &AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(account).filter(|account| account.is_active)
    }

    /// Who is signed in by this secret at `now`.
    #[must_use]
    pub fn signed_in(&self, secret: &str, now: Timestamp) -> Option<&Arc<Account>> {
        let sign_in = self.sign_ins.get(secret).filter(|sign_in| now < sign_in.expires_at)?;
        self.active(&sign_in.account)
    }

    /// The token of this secret, whether it is good still or not.
    #[must_use]
    pub fn token(&self, secret: &str) -> Option<&Arc<AccessToken>> {
        self.tokens.get(self.token_of.get(secret)?)
    }

    /// The invitation of this secret, if it is good at `now`.
    #[must_use]
    pub fn invitation(&self, secret: &str, now: Timestamp) -> Option<&Arc<Invitation>> {
        self.invitations.values().find(|known| known.secret == secret && now < known.expires_at)
    }

    /// Whether an account has a password, or is invited to have one.
    #[must_use]
    pub fn standing(&self, account: &AccountId, now: Timestamp) -> Standing {
        let is_invited = self.invitations.get(account).is_some_and(|known| now < known.expires_at);
        match (self.passwords.contains_key(account), is_invited) {
            (true, _) => Standing::Settled,
            (false, true) => Standing::Invited,
            (false, false) => Standing::Waiting,
        }
    }

    /// Whether somebody can sign in and decide about the others.
    #[must_use]
    pub fn has_administrator(&self) -> bool {
        let is_one = |account: &Arc<Account>| account.role == Role::Administrator && account.is_active;
        self.accounts.values().any(|account| is_one(account) && self.passwords.contains_key(&account.id))
    }

    /// Takes in what happened.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::AccountSaved(AccountSaved { account, .. }) => {
                if !account.is_active {
                    self.invitations.remove(&account.id);
                    self.end_all(&account.id);
                }
                self.accounts.insert(account.id.clone(), Arc::new(account.clone()));
            }
            Event::InvitationMade(InvitationMade { invitation, .. }) => {
                self.invitations.insert(invitation.account.clone(), Arc::new(invitation.clone()));
            }
            Event::PasswordSet(PasswordSet { account, password, .. }) => {
                self.invitations.remove(account);
                self.end_all(account);
                self.passwords.insert(account.clone(), Arc::from(password.as_str()));
            }
            Event::SignedIn(SignedIn { at, sign_in }) => self.sign_in(sign_in, *at),
            Event::SignedOut(SignedOut { secret, .. }) => drop(self.sign_ins.remove(secret)),
            Event::TokenMade(TokenMade { token, .. }) => {
                self.token_of.insert(token.secret.clone(), token.id.clone());
                self.tokens.insert(token.id.clone(), Arc::new(token.clone()));
            }
            Event::TokenRevoked(TokenRevoked { token, .. }) => {
                if let Some(token) = self.tokens.remove(token) {
                    self.token_of.remove(&token.secret);
                }
            }
            _ => {}
        }
    }

    fn end_all(&mut self, account: &AccountId) {
        self.sign_ins.retain(|_, sign_in| sign_in.account != *account);
    }

    fn sign_in(&mut self, sign_in: &SignIn, now: Timestamp) {
        self.sign_ins.retain(|_, known| now < known.expires_at);
        let of_one = |known: &Arc<SignIn>| known.account == sign_in.account;
        if self.sign_ins.values().filter(|known| of_one(known)).count() >= MOST_SIGN_INS_OF_ONE {
            let oldest = self.sign_ins.values().filter(|known| of_one(known)).min_by_key(|known| known.expires_at);
            if let Some(oldest) = oldest.map(|oldest| oldest.secret.clone()) {
                self.sign_ins.remove(&oldest);
            }
        }
        self.sign_ins.insert(sign_in.secret.clone(), Arc::new(sign_in.clone()));
    }
}

/// How far an account has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It has a password.
    Settled,
    /// Its holder has a link to give it one.
    Invited,
    /// Neither.
    Waiting,
}

impl Centre {
    pub(super) fn decide_account(
        &self,
        account: &Account,
        is_new: bool,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let accounts = &self.people.accounts;
        match (accounts.get(&account.id), is_new) {
            (Some(_), true) => {
                let reason = format!("there is an account '{}' already; choose another name", account.id);
                return Err(Refusal::Passed { reason });
            }
            (None, false) => return Err(self.no_account(&account.id)),
            _ => {}
        }
        check_account(account)?;
        if is_new && accounts.len() >= MOST_ACCOUNTS {
            return Err(Refusal::Unfit { reason: format!("there are {MOST_ACCOUNTS} accounts already") });
        }
        if !account.agencies.is_empty() {
            let reason = "accounts cannot be limited to agencies yet; leave 'agencies' empty".to_owned();
            return Err(Refusal::Unfit { reason });
        }
        let remains = account.role == Role::Administrator && account.is_active;
        let is_other = |other: &Arc<Account>| other.id != account.id && other.role == Role::Administrator;
        let can_sign_in = |other: &Arc<Account>| self.people.passwords.contains_key(&other.id);
        let others = accounts.values().filter(|other| is_other(other) && other.is_active && can_sign_in(other));
        let was_one = accounts.get(&account.id).is_some_and(|before| before.role == Role::Administrator);
        if was_one && !remains && others.count() == 0 {
            let reason = format!("'{}' is the last administrator who can sign in; make another one first", account.id);
            return Err(Refusal::Passed { reason });
        }
        Ok(vec![Event::AccountSaved(AccountSaved { at: now, account: account.clone() })])
    }

    pub(super) fn decide_invite(&self, invitation: &Invitation, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let Some(account) = self.people.accounts.get(&invitation.account) else {
            return Err(self.no_account(&invitation.account));
        };
        if !account.is_active {
            let reason = format!("'{}' may not sign in; let them do so first", account.id);
            return Err(Refusal::Passed { reason });
        }
        Ok(vec![Event::InvitationMade(InvitationMade { at: now, invitation: invitation.clone() })])
    }

    pub(super) fn decide_password(
        &self,
        account: &AccountId,
        password: &str,
        invitation: &str,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let is_invited = self.people.invitation(invitation, now).is_some_and(|known| known.account == *account);
        if !is_invited || self.people.active(account).is_none() {
            let reason = "this link was used, has expired, or another one was sent since; ask an administrator for one";
            return Err(Refusal::Passed { reason: reason.to_owned() });
        }
        let (account, password) = (account.clone(), password.to_owned());
        Ok(vec![Event::PasswordSet(PasswordSet { at: now, account, password })])
    }

    pub(super) fn decide_sign_in(
        &self,
        sign_in: &SignIn,
        password: &str,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        // It may have got another one while the old one was looked at.
        if self.people.password(&sign_in.account).as_deref() != Some(password) {
            let reason = "this account may not sign in, or has another password since; try again";
            return Err(Refusal::Passed { reason: reason.to_owned() });
        }
        let held = self.people.sign_ins.values().filter(|known| now < known.expires_at).count();
        if held >= MOST_SIGN_INS {
            return Err(Refusal::Unfit { reason: format!("{MOST_SIGN_INS} browsers are signed in already") });
        }
        Ok(vec![Event::SignedIn(SignedIn { at: now, sign_in: sign_in.clone() })])
    }

    pub(super) fn decide_sign_out(&self, secret: &str, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let is_known = self.people.sign_ins.contains_key(secret);
        let ended = Event::SignedOut(SignedOut { at: now, secret: secret.to_owned() });
        Ok(if is_known { vec![ended] } else { Vec::new() })
    }

    pub(super) fn decide_token(&self, token: &AccessToken, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let unfit = |reason: String| Err(Refusal::Unfit { reason });
        check_text("name", &token.name, MOST_NAME).map_err(|reason| Refusal::Unfit { reason })?;
        if token.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return unfit("'expires_at' is over already; give a moment yet to come".to_owned());
        }
        if self.people.tokens.len() >= MOST_TOKENS {
            return unfit(format!("there are {MOST_TOKENS} tokens already; revoke those that nobody uses"));
        }
        match &token.holder {
            Holder::Wall { wall } if !self.walls.contains_key(wall) => {
                return Err(not_found(format!("wall '{wall}'"), self.walls.keys()));
            }
            Holder::Source { source } if !self.catalogue.sources.contains_key(source) => {
                return unfit(format!("'{source}' is no source of this centre; see /api/v1/sources"));
            }
            _ => {}
        }
        Ok(vec![Event::TokenMade(TokenMade { at: now, token: token.clone() })])
    }

    pub(super) fn decide_revoke(&self, token: &TokenId, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        if !self.people.tokens.contains_key(token) {
            let what = format!("token '{}'", shown(token.as_str()));
            return Err(Refusal::NotFound { what, known: "see /api/v1/tokens".to_owned() });
        }
        Ok(vec![Event::TokenRevoked(TokenRevoked { at: now, token: token.clone() })])
    }

    fn no_account(&self, id: &AccountId) -> Refusal {
        let what = format!("account '{}'", shown(id.as_str()));
        let known = self.people.accounts.keys().take(20).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Refusal::NotFound { what, known: if known.is_empty() { "none yet".to_owned() } else { known } }
    }
}

/// Whether it is a name for signing in: those are typed, told over the telephone and stand in addresses.
#[must_use]
pub fn is_account_name(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    (2..=64).contains(&id.len()) && id.bytes().all(is_plain)
}

fn check_account(account: &Account) -> Result<(), Refusal> {
    if !is_account_name(account.id.as_str()) {
        let reason = "'id' has 2 to 64 of a-z, 0-9, '.', '-' and '_'".to_owned();
        return Err(Refusal::Unfit { reason });
    }
    check_text("name", &account.name, MOST_NAME).map_err(|reason| Refusal::Unfit { reason })
}

#[cfg(test)]
mod tests {
    use protocol::Command;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
    const HOUR: i64 = 3_600_000_000;
    const PASSWORD: &str = "$argon2id$";

    /// An account with a password.
    fn settle(centre: &mut Centre, id: &str, role: &str) {
        save(centre, account(id, role), true).unwrap();
        invite(centre, id, "first").unwrap();
        set_password(centre, id, "first", NOW).unwrap();
    }

    fn account(id: &str, role: &str) -> Account {
        serde_json::from_value(json!({ "id": id, "name": "An", "role": role, "is_active": true })).unwrap()
    }

    /// Carries a command out; what is refused is told.
    fn command(centre: &mut Centre, command: &Command, now: Timestamp) -> Result<(), String> {
        let events = centre.decide(command, now).map_err(|refusal| refusal.to_string())?;
        events.iter().for_each(|event| centre.apply(1, event));
        Ok(())
    }

    fn save(centre: &mut Centre, account: Account, is_new: bool) -> Result<(), String> {
        command(centre, &Command::SaveAccount { account, is_new }, NOW)
    }

    fn invite(centre: &mut Centre, id: &str, secret: &str) -> Result<(), String> {
        let expires_at = NOW.plus_micros(HOUR);
        let invitation = Invitation { account: id.into(), secret: secret.to_owned(), expires_at };
        command(centre, &Command::Invite { invitation }, NOW)
    }

    fn set_password(centre: &mut Centre, id: &str, invitation: &str, now: Timestamp) -> Result<(), String> {
        let (account, password, invitation) = (id.into(), PASSWORD.to_owned(), invitation.to_owned());
        command(centre, &Command::SetPassword { account, password, invitation }, now)
    }

    fn sign_in(centre: &mut Centre, id: &str, secret: &str) -> Result<(), String> {
        let sign_in = SignIn { secret: secret.to_owned(), account: id.into(), expires_at: NOW.plus_micros(HOUR) };
        command(centre, &Command::BeginSignIn { sign_in, password: PASSWORD.to_owned() }, NOW)
    }

    #[test]
    fn an_invitation_is_good_once_and_not_for_ever() {
        let mut centre = Centre::default();
        save(&mut centre, account("an", "operator"), true).unwrap();
        assert!(invite(&mut centre, "binh", "x").unwrap_err().contains("no account 'binh'; known: an"));
        invite(&mut centre, "an", "old").unwrap();
        invite(&mut centre, "an", "new").unwrap();
        let void = "this link was used";
        assert!(set_password(&mut centre, "an", "old", NOW).unwrap_err().contains(void));
        assert!(set_password(&mut centre, "an", "new", NOW.plus_micros(HOUR)).unwrap_err().contains(void));
        assert_eq!(centre.people.password(&"an".into()), None);
        set_password(&mut centre, "an", "new", NOW).unwrap();
        assert!(centre.people.password(&"an".into()).is_some());
        assert!(set_password(&mut centre, "an", "new", NOW).unwrap_err().contains(void));
    }

    #[test]
    fn who_signs_in_is_in_until_they_go_expire_or_are_sent_away() {
        let mut centre = Centre::default();
        settle(&mut centre, "an", "operator");
        let is_in = |centre: &Centre, secret: &str, now| centre.people.signed_in(secret, now).is_some();
        ["a", "b", "c"].iter().for_each(|secret| sign_in(&mut centre, "an", secret).unwrap());
        assert!(is_in(&centre, "a", NOW) && !is_in(&centre, "a", NOW.plus_micros(HOUR)) && !is_in(&centre, "x", NOW));
        command(&mut centre, &Command::EndSignIn { secret: "a".to_owned() }, NOW).unwrap();
        assert!(!is_in(&centre, "a", NOW) && is_in(&centre, "b", NOW));
        let late = SignIn { secret: "late".to_owned(), account: "an".into(), expires_at: NOW.plus_micros(HOUR) };
        let late = Command::BeginSignIn { sign_in: late, password: "$argon2id$another".to_owned() };
        assert!(command(&mut centre, &late, NOW).unwrap_err().contains("another password"));
        // A new password, and no right to sign in any more, end all.
        invite(&mut centre, "an", "i").unwrap();
        set_password(&mut centre, "an", "i", NOW).unwrap();
        assert!(!is_in(&centre, "b", NOW));
        sign_in(&mut centre, "an", "d").unwrap();
        save(&mut centre, Account { is_active: false, ..account("an", "operator") }, false).unwrap();
        assert!(!is_in(&centre, "d", NOW));
        assert!(sign_in(&mut centre, "an", "e").is_err());
        assert!(invite(&mut centre, "an", "j").is_err());
        assert_eq!(centre.people.password(&"an".into()), None);
    }

    #[test]
    fn the_oldest_browsers_of_one_account_are_out() {
        let mut centre = Centre::default();
        settle(&mut centre, "an", "viewer");
        for number in 0..=MOST_SIGN_INS_OF_ONE {
            let expires_at = NOW.plus_micros(HOUR + number as i64);
            let sign_in = SignIn { secret: number.to_string(), account: "an".into(), expires_at };
            command(&mut centre, &Command::BeginSignIn { sign_in, password: PASSWORD.to_owned() }, NOW).unwrap();
        }
        assert_eq!(centre.people.sign_ins.len(), MOST_SIGN_INS_OF_ONE);
        assert!(centre.people.signed_in("0", NOW).is_none());
    }

    #[test]
    fn somebody_remains_who_decides_about_the_others() {
        let mut centre = Centre::default();
        settle(&mut centre, "an", "administrator");
        let last = "'an' is the last administrator";
        assert!(save(&mut centre, account("an", "operator"), false).unwrap_err().contains(last));
        let inactive = Account { is_active: false, ..account("an", "administrator") };
        assert!(save(&mut centre, inactive.clone(), false).unwrap_err().contains(last));
        save(&mut centre, account("binh", "administrator"), true).unwrap();
        assert!(save(&mut centre, inactive.clone(), false).unwrap_err().contains(last), "binh cannot sign in yet");
        invite(&mut centre, "binh", "i").unwrap();
        set_password(&mut centre, "binh", "i", NOW).unwrap();
        save(&mut centre, inactive, false).unwrap();
        for (wrong, said) in [("An", "'id' has 2 to 64"), ("a", "'id' has 2 to 64"), ("a b", "'id' has 2 to 64")] {
            assert!(save(&mut centre, account(wrong, "viewer"), true).unwrap_err().contains(said), "{wrong}");
        }
        assert!(save(&mut centre, account("binh", "viewer"), true).unwrap_err().contains("already"));
    }

    #[test]
    fn a_token_lets_in_until_it_is_revoked() {
        let mut centre = Centre::default();
        let token = |holder: serde_json::Value, expires_at: Option<Timestamp>| -> AccessToken {
            let token = json!({ "id": "t1", "name": "Tường chính", "secret": "s", "holder": holder, "made_at": 0 });
            AccessToken { expires_at, ..serde_json::from_value(token).unwrap() }
        };
        let program = json!({ "kind": "program", "role": "viewer" });
        let make = |token| Command::MakeToken { token };
        for (token, said) in [
            (token(json!({ "kind": "wall", "wall": "x" }), None), "no wall 'x'"),
            (token(json!({ "kind": "source", "source": "x" }), None), "'x' is no source"),
            (token(program.clone(), Some(NOW)), "is over already"),
        ] {
            assert!(command(&mut centre, &make(token), NOW).unwrap_err().contains(said), "{said}");
        }
        command(&mut centre, &make(token(program, None)), NOW).unwrap();
        assert!(centre.people.token("s").is_some());
        let revoke = Command::RevokeToken { token: "t1".into() };
        command(&mut centre, &revoke, NOW).unwrap();
        assert!(centre.people.token("s").is_none());
        assert!(command(&mut centre, &revoke, NOW).unwrap_err().contains("no token 't1'"));
    }
}
