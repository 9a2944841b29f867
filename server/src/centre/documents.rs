//! The documents that came in.
//!
//! They are events of the log like all that comes in, and the list is a fold of them: it is the same on every server,
//! after every restart, and in a replay, and a task that is proposed later can point to the entry that it comes from.
//! A list in the folder of its source would be gone with that folder and unknown to every other server.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::{Day, Document, DocumentId, Timestamp};

use super::admit_records::{MOST_NAME, MOST_TEXT, check_id, check_text};

/// Most documents that are listed. Older ones stay in the log.
pub const MOST_DOCUMENTS: usize = 2000;

/// By day and id; an id has only one day, which stands in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Documents(BTreeMap<(Day, DocumentId), Arc<Document>>);

/// What is to be done with a document that comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    New,
    /// It is there and says the same.
    Known,
    /// It is older than all that are listed.
    Past,
}

impl Documents {
    /// The newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.0.values().rev()
    }

    pub(super) fn take(&mut self, document: &Arc<Document>) {
        self.0.insert(key(document), Arc::clone(document));
        while self.0.len() > MOST_DOCUMENTS {
            self.0.pop_first();
        }
    }

    /// How a document that comes in stands to those that are there.
    ///
    /// # Errors
    /// When another source gave another document of its id.
    pub fn standing(&self, document: &Document) -> Result<Standing, String> {
        let key = key(document);
        match self.0.get(&key) {
            Some(held) if held.says_the_same(document) => Ok(Standing::Known),
            Some(held) if held.source != document.source => Err(format!(
                "source '{}' has a document of this id that says something else; ids are of the whole centre",
                held.source
            )),
            Some(_) => Ok(Standing::New),
            None => {
                let is_past =
                    self.0.len() >= MOST_DOCUMENTS && self.0.first_key_value().is_some_and(|(first, _)| key < *first);
                Ok(if is_past { Standing::Past } else { Standing::New })
            }
        }
    }
}

fn key(document: &Document) -> (Day, DocumentId) {
    (document.promulgated_on, document.id.clone())
}

/// Checks what any source may say of a document.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn admit_document(document: &Document, now: Timestamp) -> Result<(), String> {
    check_id(&document.id)?;
    for (field, text, most) in [
        ("number", &document.number, MOST_NAME),
        ("notation", &document.notation, MOST_NAME),
        ("from.id", &document.from.id, MOST_NAME),
        ("from.name", &document.from.name, MOST_NAME),
        ("subject", &document.subject, MOST_TEXT),
    ] {
        check_text(field, text, most)?;
    }
    // Days are those of whoever sends them: a day ahead is today somewhere.
    if document.promulgated_on > Day::in_utc(now).plus(1) {
        return Err(format!("promulgated_on is {}, which is yet to come", document.promulgated_on));
    }
    match document.due_on {
        Some(due) if due < document.promulgated_on => {
            Err(format!("due_on is {due}, which lies before promulgated_on, {}", document.promulgated_on))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(number: i32, subject: &str) -> Document {
        let day = Day::new(2023, 8, 14).unwrap().plus(number);
        Document {
            id: format!("H48,{day},{number}/UBND").into(),
            number: number.to_string(),
            notation: "UBND".to_owned(),
            from: protocol::document::Organ { id: "H48".to_owned(), name: "UBND".to_owned() },
            subject: subject.to_owned(),
            promulgated_on: day,
            due_on: None,
            priority: protocol::task::Urgency::Normal,
            file: format!("{number}.edxml"),
            source: "inbox".into(),
            received_at: Timestamp(1),
        }
    }

    #[test]
    fn the_newest_are_listed_and_what_has_left_is_not_awaited_again() {
        let mut documents = Documents::default();
        let most = i32::try_from(MOST_DOCUMENTS).unwrap();
        (0..=most).for_each(|number| documents.take(&Arc::new(document(number, "x"))));
        let listed: Vec<&str> = documents.newest_first().map(|document| document.number.as_str()).collect();
        assert_eq!((listed.len(), listed[0], listed[listed.len() - 1]), (MOST_DOCUMENTS, "2000", "1"));
        assert_eq!(documents.standing(&document(0, "x")), Ok(Standing::Past));
        assert_eq!(documents.standing(&document(1, "x")), Ok(Standing::Known));
        assert_eq!(documents.standing(&document(1, "another")), Ok(Standing::New));
        assert_eq!(documents.standing(&document(most + 1, "x")), Ok(Standing::New));
    }

    #[test]
    fn a_document_is_known_wherever_it_comes_from_and_belongs_to_who_gave_it_first() {
        let mut documents = Documents::default();
        documents.take(&Arc::new(document(1, "x")));
        let elsewhere =
            |subject: &str| Document { file: "copy.xml".to_owned(), source: "other".into(), ..document(1, subject) };
        assert_eq!(documents.standing(&elsewhere("x")), Ok(Standing::Known));
        let said = documents.standing(&elsewhere("y")).unwrap_err();
        assert!(said.starts_with("source 'inbox' has a document of this id"), "{said}");
    }

    #[test]
    fn what_is_wrong_with_a_document_is_named() {
        let now = Timestamp::from_secs(1_691_979_000);
        let day = Day::in_utc(now);
        let fine = || document(0, "x");
        let cases = [
            (fine(), ""),
            (Document { subject: " ".to_owned(), ..fine() }, "subject is empty"),
            (Document { number: "1".repeat(301), ..fine() }, "number has 301 characters; at most 300 are taken"),
            (Document { promulgated_on: day.plus(2), ..fine() }, "promulgated_on is 2023-08-16, which is yet to come"),
            (
                Document { due_on: Some(day.plus(-1)), ..fine() },
                "due_on is 2023-08-13, which lies before promulgated_on, 2023-08-14",
            ),
        ];
        for (document, expected) in cases {
            assert_eq!(admit_document(&document, now).err().unwrap_or_default(), expected);
        }
    }
}
