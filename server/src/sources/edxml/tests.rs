use protocol::Day;
use protocol::task::Urgency;

use super::*;
use crate::sources::tests::{Running, until};

/// A document as provincial systems write it.
const DOCUMENT: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016">
  <edXML:edXMLEnvelope xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        <edXML:From>
          <edXML:OrganId>000.00.00.H48</edXML:OrganId>
          <edXML:OrganizationInCharge>UBND tỉnh Quảng Ngãi</edXML:OrganizationInCharge>
          <edXML:OrganName>Văn phòng  UBND tỉnh</edXML:OrganName>
        </edXML:From>
        <edXML:To><edXML:OrganId>000.00.05.H48</edXML:OrganId><edXML:OrganName>Sở Tài chính</edXML:OrganName></edXML:To>
        <edXML:To><edXML:OrganId>000.00.07.H48</edXML:OrganId><edXML:OrganName>Sở Y tế</edXML:OrganName></edXML:To>
        <edXML:Code><edXML:CodeNumber>1234</edXML:CodeNumber><edXML:CodeNotation>UBND-KTTH</edXML:CodeNotation></edXML:Code>
        <edXML:PromulgationInfo><edXML:Place>Quảng Ngãi</edXML:Place><edXML:PromulgationDate>2023/08/14</edXML:PromulgationDate></edXML:PromulgationInfo>
        <edXML:DocumentType><edXML:Type>18</edXML:Type><edXML:TypeName>Công văn</edXML:TypeName></edXML:DocumentType>
        <edXML:Subject>Đôn đốc giải ngân &amp; báo cáo về bảo vệ bí mật</edXML:Subject>
        <edXML:Content>Báo cáo trước ngày 30/8/2023 (mật độ giao thông kèm theo)</edXML:Content>
        <edXML:SignerInfo><edXML:Position>Phó Chủ tịch</edXML:Position><edXML:FullName>Nguyễn Văn A</edXML:FullName></edXML:SignerInfo>
        <edXML:DueDate>2023/08/30</edXML:DueDate>
        <edXML:ToPlaces><edXML:Place>Như trên</edXML:Place></edXML:ToPlaces>
        <edXML:OtherInfo><edXML:Priority>2</edXML:Priority></edXML:OtherInfo>
        <edXML:SteeringType>0</edXML:SteeringType>
        <edXML:DocumentId>000.00.00.H48,2023/08/14,1234/UBND-KTTH</edXML:DocumentId>
      </edXML:MessageHeader>
      <edXML:TraceHeaderList>
        <edXML:TraceHeader><edXML:OrganId>000.00.00.H48</edXML:OrganId><edXML:Timestamp>2023/08/14 08:00:00</edXML:Timestamp></edXML:TraceHeader>
        <edXML:Bussiness><edXML:BussinessDocType>0</edXML:BussinessDocType></edXML:Bussiness>
      </edXML:TraceHeaderList>
    </edXML:edXMLHeader>
  </edXML:edXMLEnvelope>
  <Attachment><ContentType>application/pdf</ContentType><Content>JVBERi0xLjQK</Content></Attachment>
</edXML>
"#;

fn inbox(folder: &Path) -> Inbox {
    let files = "folder = '.'\npoll_secs = 1\nsettle_ms = 0\nunended_secs = 3600";
    Inbox { folder: folder.to_owned(), files: toml::from_str(files).unwrap() }
}

/// What is read of a file of these bytes, and what is said of it.
fn read_bytes(bytes: &[u8], is_still: bool) -> (RowRead, Vec<String>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("den.edxml");
    std::fs::write(&path, bytes).unwrap();
    let mut all = RowRead::default();
    let end = inbox(folder.path()).read(&path, is_still, &mut |piece| {
        all.extend(piece);
        true
    });
    let said = all.problems.iter().map(ToString::to_string);
    let said = said.chain(end.as_ref().err().map(ToString::to_string)).collect();
    (all, said, end.unwrap_or(false))
}

fn said(text: &str) -> Vec<String> {
    let (read, said, _) = read_bytes(text.as_bytes(), true);
    assert_eq!(read.documents.is_empty(), !said.is_empty(), "it is taken or it is told why not: {said:?}");
    said
}

#[test]
fn a_document_says_what_it_wants_by_when() {
    let (read, said, _) = read_bytes(DOCUMENT.as_bytes(), true);
    assert_eq!(said, [""; 0]);
    let [document] = read.documents.as_slice() else { panic!("{read:?}") };
    assert_eq!(document.id.as_str(), "000.00.00.H48,2023/08/14,1234/UBND-KTTH");
    assert_eq!((document.number.as_str(), document.notation.as_str()), ("1234", "UBND-KTTH"));
    assert_eq!((document.from.id.as_str(), document.from.name.as_str()), ("000.00.00.H48", "Văn phòng UBND tỉnh"));
    assert_eq!(document.subject, "Đôn đốc giải ngân & báo cáo về bảo vệ bí mật");
    assert_eq!((document.promulgated_on, document.due_on), (Day::new(2023, 8, 14).unwrap(), Day::new(2023, 8, 30)));
    assert_eq!((document.priority, document.file.as_str()), (Urgency::VeryUrgent, "den.edxml"));
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    for (there, instead) in [
        ("<edXML:DueDate>2023/08/30</edXML:DueDate>", ""),
        ("<edXML:DueDate>2023/08/30</edXML:DueDate>", "<edXML:DueDate> </edXML:DueDate>"),
        ("<edXML:OtherInfo><edXML:Priority>2</edXML:Priority></edXML:OtherInfo>", ""),
        ("<edXML:Place>Quảng Ngãi</edXML:Place>", ""),
        ("<edXML:SteeringType>0</edXML:SteeringType>", "<SecurityLevel>Thường</SecurityLevel>"),
        ("<edXML xmlns=\"", "<edXML:edXML xmlns:edXML=\""),
    ] {
        assert!(DOCUMENT.contains(there), "{there}");
        let text = DOCUMENT.replace(there, instead);
        let text = if instead.starts_with("<edXML:edXML ") { text.replace("</edXML>", "</edXML:edXML>") } else { text };
        assert_eq!(said(&text), [""; 0], "{instead}");
    }
    assert_eq!(said(&format!("\u{feff}{DOCUMENT}")), [""; 0], "a byte order mark");
}

/// What of the document is replaced, by what, and what is said then.
const WRONG: &[(&str, &str, &[&str])] = &[
    ("<edXML:CodeNumber>1234</edXML:CodeNumber>", "", &["row 13, column 'Code': has no edXML:CodeNumber"]),
    ("<edXML:CodeNumber>1234</edXML:CodeNumber>", "<edXML:CodeNumber/>", &["row 13, column 'CodeNumber': is empty"]),
    (
        "2023/08/14</edXML:PromulgationDate>",
        "14/08/2023</edXML:PromulgationDate>",
        &[
            "row 14, column 'PromulgationDate', value '14/08/2023': is not a day; write it as yyyy/MM/dd, like 2023/08/14",
        ],
    ),
    (
        "2023/08/30",
        "2023-08-30",
        &["row 19, column 'DueDate', value '2023-08-30': is not a day; write it as yyyy/MM/dd, like 2023/08/14"],
    ),
    (
        "2023/08/30",
        "2023/02/30",
        &["row 19, column 'DueDate', value '2023/02/30': is not a day; write it as yyyy/MM/dd, like 2023/08/14"],
    ),
    ("Priority>2<", "Priority>9<", &["row 21, column 'Priority', value '9': is no priority; it is 0 to 4"]),
    (
        "<edXML:DueDate>2023/08/30</edXML:DueDate>",
        "<edXML:DueDate/><edXML:DueDate>2023/08/30</edXML:DueDate>",
        &["row 19, column 'DueDate': stands there twice; MessageHeader has one"],
    ),
    (
        "1234/UBND-KTTH",
        "1235/UBND-KTTH",
        &[
            "row 23, column 'DocumentId', value '000.00.00.H48,2023/08/14,1235/UBND-KTTH': does not say what the header says, which is '000.00.00.H48,2023/08/14,1234/UBND-KTTH'",
        ],
    ),
    (
        "edXML:Subject>",
        "Subject>",
        &["row 16, column 'Subject': is not written with the prefix edXML:, which the format wants"],
    ),
    ("Bussiness>", "Business>", &["row 25, column 'TraceHeaderList': has no edXML:Bussiness"]),
    (
        "<edXML xmlns=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\"",
        "<edXML xmlns=\"http://www.e-doc.vn/Schema/\"",
        &[
            "row 2, column 'edXML': is no edXML document: its root is edXML of the namespace http://www.mic.gov.vn/TBT/QCVN_102_2016",
        ],
    ),
];

#[test]
fn all_that_is_wrong_is_named_with_its_line() {
    let namespace = "http://www.mic.gov.vn/TBT/QCVN_102_2016";
    for (there, instead, expected) in WRONG {
        assert!(DOCUMENT.contains(there), "{there}");
        assert_eq!(said(&DOCUMENT.replace(there, instead)), *expected, "{instead}");
    }
    let other_namespace =
        DOCUMENT.replace("xmlns:edXML=\"http://www.mic.gov.vn/TBT/QCVN_102_2016", "xmlns:edXML=\"urn:x");
    assert_eq!(
        said(&other_namespace)[0],
        format!("row 3, column 'edXMLEnvelope': is not of the namespace {namespace}")
    );
    let two = DOCUMENT.replace("Priority>2<", "Priority>x<").replace("<edXML:Type>18</edXML:Type>", "");
    assert_eq!(
        said(&two),
        [
            "row 15, column 'DocumentType': has no edXML:Type",
            "row 21, column 'Priority', value 'x': is no priority; it is 0 to 4"
        ],
        "all of it at once"
    );
}

#[test]
fn a_classified_document_is_refused_and_nothing_of_it_is_told() {
    let cases = [
        ("<edXML:SteeringType>0", "<edXML:SecurityLevel>1</edXML:SecurityLevel><edXML:SteeringType>0"),
        ("<edXML:SteeringType>0", "<edXML:Confidentiality>Tuyệt mật</edXML:Confidentiality><edXML:SteeringType>0"),
        ("<edXML:SteeringType>0", "<DoMat>MẬT</DoMat><edXML:SteeringType>0"),
        ("<edXML:Place>Như trên</edXML:Place>", "<edXML:Place>Tối  Mật</edXML:Place>"),
        ("<edXML:TypeName>Công văn", "<edXML:TypeName>TOI MAT"),
        ("<edXML:Subject>Đôn đốc", "<edXML:Subject>[MẬT] Đôn đốc"),
        ("<edXML:Subject>Đôn đốc", "<edXML:Subject>(Tối mật) Đôn đốc"),
        ("UBND-KTTH", "UBND-MẬT"),
    ];
    for (there, instead) in cases {
        assert!(DOCUMENT.contains(there), "{there}");
        // Something else is wrong with it too: nothing of that is told either.
        let text = DOCUMENT.replace(there, instead).replace("2023/08/30", "ngày 30 tháng 8");
        assert_eq!(
            said(&text),
            [
                "the file: is classified, and classified documents never enter: take it out of this folder; nothing of it was kept"
            ],
            "{instead}"
        );
    }
}

#[test]
fn xml_made_to_harm_is_refused_before_it_is_read() {
    let bomb = format!(
        "<!DOCTYPE edXML [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\"><!ENTITY x SYSTEM \"file:///etc/passwd\">]>{}",
        DOCUMENT.lines().skip(1).collect::<Vec<_>>().join("\n").replace("Đôn đốc", "&x;&b;")
    );
    let cases = [
        (bomb, "the file: has a document type declaration (<!DOCTYPE); edXML has none, and it is not read"),
        (DOCUMENT.replace("Đôn đốc", "&hack;"), "row 16: is not well-formed XML from column 24 of this line on"),
        (
            format!("<edXML>{}</edXML>", "<a/>".repeat(60_000)),
            "the file: has more than 50000 elements and texts, more than any document",
        ),
        ("<a>".repeat(40_000), "the file: ends before its XML does"),
        ("<a>".repeat(4_000_000), "the file: has more than 50000 elements and texts, more than any document"),
        (DOCUMENT[..900].to_owned(), "the file: ends before its XML does"),
        (String::new(), "the file: ends before its XML does"),
        (
            DOCUMENT.replace("</edXML:Subject>", "</edXML:Tuyệt>"),
            "row 16: is not well-formed XML from column 72 of this line on",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(said(&text), [expected]);
    }
    let (_, said, _) = read_bytes(b"<edXML>\xff</edXML>", true);
    assert_eq!(said, ["the file: byte 7 is not UTF-8; edXML is written in UTF-8"]);
}

#[test]
fn a_file_that_is_being_written_is_read_again() {
    let (read, said, is_unended) = read_bytes(&DOCUMENT.as_bytes()[..900], false);
    assert_eq!((read.documents.len(), is_unended), (0, true));
    assert_eq!(said, ["the file: ends before its XML does; if it is half written, it is read again within 3600 s"]);
}

#[tokio::test]
async fn documents_come_in_once_and_what_is_corrected_holds() {
    let running = Running::start();
    let folder = running.dir.path().join("den");
    std::fs::create_dir(&folder).unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let subjects = |link: &crate::sources::Link| {
        let documents = link.documents();
        documents.newest_first().map(|document| (document.number.clone(), document.subject.clone())).collect::<Vec<_>>()
    };
    let later =
        DOCUMENT.replace("1234", "1240").replace("2023/08/14", "2023/08/16").replace("Đôn đốc giải ngân", "Họp");
    put("a.edxml", DOCUMENT);
    put("b.xml", &later);
    put("c.edxml", &DOCUMENT.replace("1234", "7").replace("2023/08/14", "14/8/2023"));
    put("d.edxml", &DOCUMENT.replace("1234", "8").replace("<edXML:Subject>", "<edXML:Subject>[MẬT] "));
    let (source, link) = (inbox(&folder), running.link.clone());
    let following = tokio::spawn(async move { source.run(link).await });
    until(|| running.accepted() == 2 && running.problems().len() == 2).await;
    assert_eq!(
        subjects(&running.link).iter().map(|(number, _)| number.as_str()).collect::<Vec<_>>(),
        ["1240", "1234"],
        "the newest first"
    );
    let mut problems = running.problems();
    problems.sort();
    assert_eq!(
        problems,
        [
            "c.edxml, row 14, column 'PromulgationDate': '14/8/2023' is not a day; write it as yyyy/MM/dd, like 2023/08/14",
            "d.edxml, the file: is classified, and classified documents never enter: take it out of this folder; nothing of it was kept",
        ]
    );
    // The same again under another name; corrected; another text for a document that is there.
    put("0.edxml", DOCUMENT);
    put("c.edxml", &DOCUMENT.replace("1234", "7"));
    until(|| running.accepted() == 3).await;
    put("a.edxml", &DOCUMENT.replace("Đôn đốc", "Khẩn trương"));
    until(|| running.accepted() == 4).await;
    running.end(following).await;
    let told = subjects(&running.link);
    assert_eq!(told.len(), 3);
    assert!(
        told.contains(&("1234".to_owned(), "Khẩn trương giải ngân & báo cáo về bảo vệ bí mật".to_owned())),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_trial_shows_documents_and_records_nothing() {
    let running = Running::start();
    std::fs::write(running.dir.path().join("a.edxml"), DOCUMENT).unwrap();
    let info =
        protocol::SourceInfo { id: "den".into(), name: Default::default(), kind: "edxml".to_owned(), owner: None };
    let spec = crate::config::SourceSpec::new(info, "", Some(Arc::new(inbox(running.dir.path()))));
    let catalogue = crate::sources::tests::catalogue();
    let trial = crate::sources::try_out(&spec, &catalogue, running.link.now(), 20).await.unwrap();
    let text = trial.text(&jiff::tz::TimeZone::UTC);
    let expected = "
  000.00.00.H48,2023/08/14,1234/UBND-KTTH
    from Văn phòng UBND tỉnh; priority very_urgent; due on 2023-08-30
    Đôn đốc giải ngân & báo cáo về bảo vệ bí mật

of what was read 1 documents would be taken, 0 rows or values refused
";
    assert!(text.ends_with(expected), "{text}");
    assert_eq!(running.link.documents().newest_first().count(), 0);
}
