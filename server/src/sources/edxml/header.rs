//! What stands in the header of an edXML document: all that is required, as the format wants it.

use protocol::document::Organ;
use protocol::task::Urgency;
use protocol::{Day, Document, Timestamp};
use roxmltree::{Document as Xml, Node};
use unicode_normalization::UnicodeNormalization;

use super::classified::is_classified;
use crate::sources::rows::RowProblem;

pub const NAMESPACE: &str = "http://www.mic.gov.vn/TBT/QCVN_102_2016";
/// The format wants just this prefix, whatever it could be in XML.
const PREFIX: &str = "edXML:";
/// How much of a wrong value is shown, in characters.
const SHOWN_CHARS: usize = 60;

/// The document that an XML text is; its source and when it came in are put in when it does.
///
/// # Errors
/// All that is wrong with it. Of a classified one only that.
pub fn document(xml: &Xml<'_>, file: &str) -> Result<Document, Vec<RowProblem>> {
    if is_classified(xml) {
        let reason =
            "is classified, and classified documents never enter: take it out of this folder; nothing of it was kept";
        return Err(vec![RowProblem::whole(reason)]);
    }
    let mut header = Header { xml, problems: Vec::new() };
    let read = header.read(file);
    match read {
        Some(document) if header.problems.is_empty() => Ok(document),
        _ => Err(header.problems),
    }
}

/// Reads on behind what is wrong, so that all of it is told at once.
struct Header<'x, 'i> {
    xml: &'x Xml<'i>,
    problems: Vec<RowProblem>,
}

impl<'x, 'i> Header<'x, 'i> {
    fn read(&mut self, file: &str) -> Option<Document> {
        let root = self.xml.root_element();
        if root.tag_name().name() != "edXML" || root.tag_name().namespace() != Some(NAMESPACE) {
            self.wrong(root, None, format!("is no edXML document: its root is edXML of the namespace {NAMESPACE}"));
            return None;
        }
        let envelope = self.child(root, "edXMLEnvelope")?;
        let header = self.child(envelope, "edXMLHeader")?;
        let trace = self.child(header, "TraceHeaderList");
        let _business = trace.and_then(|trace| self.child(trace, "Bussiness"));
        let message = self.child(header, "MessageHeader")?;

        let from = self.child(message, "From").map(|from| self.organ(from));
        let to = self.child(message, "To");
        let _to = to.and_then(|to| self.required(to, "OrganId"));
        let code = self.child(message, "Code");
        let number = code.and_then(|code| self.required(code, "CodeNumber"));
        let notation = code.and_then(|code| self.required(code, "CodeNotation"));
        let promulgated = self.child(message, "PromulgationInfo");
        let promulgated_on = promulgated.and_then(|info| self.required_day(info, "PromulgationDate"));
        let kind = self.child(message, "DocumentType");
        let _kind = kind.and_then(|kind| self.required(kind, "Type"));
        let subject = self.required(message, "Subject");
        let signer = self.child(message, "SignerInfo");
        let _signer = signer.and_then(|signer| self.required(signer, "FullName"));
        let due_on = self.optional(message, "DueDate").and_then(|due| self.day(due));
        let priority = self.priority(message);
        let id = self.required(message, "DocumentId");

        let document = Document {
            id: id?.as_str().into(),
            number: number?,
            notation: notation?,
            from: from??,
            subject: subject?,
            promulgated_on: promulgated_on?,
            due_on,
            priority,
            file: file.to_owned(),
            source: "".into(),
            received_at: Timestamp(0),
        };
        self.check_id(message, &document);
        Some(document)
    }

    fn organ(&mut self, from: Node<'x, 'i>) -> Option<Organ> {
        let (id, name) = (self.required(from, "OrganId"), self.required(from, "OrganName"));
        Some(Organ { id: id?, name: name? })
    }

    /// Normal, urgent, very urgent, immediate, and immediate at a given hour.
    fn priority(&mut self, message: Node<'x, 'i>) -> Urgency {
        let other = message.children().find(|child| child.tag_name().name() == "OtherInfo");
        let Some(priority) = other.and_then(|other| self.optional(other, "Priority")) else { return Urgency::Normal };
        match text(priority).as_str() {
            "0" => Urgency::Normal,
            "1" => Urgency::Urgent,
            "2" => Urgency::VeryUrgent,
            "3" | "4" => Urgency::Immediate,
            wrong => {
                self.wrong(priority, Some(wrong), "is no priority; it is 0 to 4".to_owned());
                Urgency::Normal
            }
        }
    }

    /// The id repeats what the header says; where the two differ, nobody knows which document it is.
    fn check_id(&mut self, message: Node<'x, 'i>, document: &Document) {
        let Document { id, number, notation, from, promulgated_on, .. } = document;
        let (year, month, day) = promulgated_on.date();
        let right = format!("{},{year:04}/{month:02}/{day:02},{number}/{notation}", from.id);
        if id.as_str() != right
            && let Some(element) = message.children().find(|child| child.tag_name().name() == "DocumentId")
        {
            let reason = format!("does not say what the header says, which is '{right}'");
            self.wrong(element, Some(id.as_str()), reason);
        }
    }

    /// The only child of this name, as the format wants it; the first of several recipients.
    fn child(&mut self, of: Node<'x, 'i>, name: &str) -> Option<Node<'x, 'i>> {
        let found = self.find(of, name);
        if found.is_none() {
            self.wrong(of, None, format!("has no {PREFIX}{name}"));
        }
        found
    }

    fn find(&mut self, of: Node<'x, 'i>, name: &str) -> Option<Node<'x, 'i>> {
        let mut named = of.children().filter(|child| child.is_element() && child.tag_name().name() == name);
        let (found, second) = (named.next()?, named.next());
        let written = self.xml.input_text().get(found.range().start + 1..).unwrap_or_default();
        if found.tag_name().namespace() != Some(NAMESPACE) {
            self.wrong(found, None, format!("is not of the namespace {NAMESPACE}"));
        } else if !written.starts_with(PREFIX) {
            self.wrong(found, None, format!("is not written with the prefix {PREFIX}, which the format wants"));
        }
        if let Some(second) = second.filter(|_| name != "To") {
            self.wrong(second, None, format!("stands there twice; {} has one", of.tag_name().name()));
        }
        Some(found)
    }

    fn required(&mut self, of: Node<'x, 'i>, name: &str) -> Option<String> {
        let element = self.child(of, name)?;
        let text = text(element);
        if text.is_empty() {
            self.wrong(element, None, "is empty".to_owned());
            return None;
        }
        Some(text)
    }

    fn required_day(&mut self, of: Node<'x, 'i>, name: &str) -> Option<Day> {
        self.required(of, name)?;
        let element = of.children().find(|child| child.tag_name().name() == name)?;
        self.day(element)
    }

    /// An element that may be left out, or left empty.
    fn optional(&mut self, of: Node<'x, 'i>, name: &str) -> Option<Node<'x, 'i>> {
        self.find(of, name).filter(|element| !text(*element).is_empty())
    }

    fn day(&mut self, element: Node<'x, 'i>) -> Option<Day> {
        let text = text(element);
        let day = Some(&text).filter(|text| !text.contains('-')).and_then(|text| text.replace('/', "-").parse().ok());
        if day.is_none() {
            self.wrong(element, Some(&text), "is not a day; write it as yyyy/MM/dd, like 2023/08/14".to_owned());
        }
        day
    }

    fn wrong(&mut self, element: Node<'x, 'i>, value: Option<&str>, reason: String) {
        let row = u64::from(self.xml.text_pos_at(element.range().start).row);
        let column = Some(element.tag_name().name().to_owned());
        let value = value.map(|value| value.chars().take(SHOWN_CHARS).collect());
        self.problems.push(RowProblem { column, value, ..RowProblem::of_row(row, reason) });
    }
}

/// What an element says, with single spaces, in NFC.
fn text(element: Node<'_, '_>) -> String {
    let text: String = element.text().unwrap_or_default().nfc().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
