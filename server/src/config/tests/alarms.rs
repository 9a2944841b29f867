//! Rules and webhooks: what they become, and what is said of mistakes in them.

use super::*;
use crate::config::alarms;

const RULE: &str = "[[rule]]\nid = 'thu-thap'\nseverity = 'warning'\ntext = 'Thu {value} {unit} tại {area}'\nthreshold = { indicator = 'budget.revenue', below = 10, clear = 12, for_secs = 60 }\n";

#[test]
fn rules_and_webhooks_are_sources_of_their_own() {
    let mut files = whole();
    let webhook = "\n[[webhook]]\nid = 'zalo'\nurl = 'https://example.org/alarms'\nsecret_headers = { authorization = 'env:ZALO' }\n";
    files.insert(alarms::FILE.to_owned(), format!("{RULE}{webhook}"));
    let config = loaded(&files, &[]).unwrap();
    let kinds: Vec<(&str, &str)> =
        config.sources.iter().map(|spec| (spec.info.id.as_str(), spec.info.kind.as_str())).collect();
    assert_eq!(kinds, [("webhook.zalo", "webhook"), ("alarms", "rules")]);
    assert_eq!(config.catalogue.sources["alarms"].name.vi, "Luật cảnh báo");
    files.insert(alarms::FILE.to_owned(), String::new());
    assert!(loaded(&files, &[]).unwrap().sources.is_empty());
}

#[test]
fn mistakes_in_rules_are_named() {
    let threshold = "threshold = { indicator = 'budget.revenue', below = 10, clear = 12, for_secs = 60 }";
    let cases: [(&str, &str, &str); 19] = [
        ("id = 'thu-thap'", "id = 'thu thap'", "2: rule 'thu thap': an id is 1 to 100 of"),
        (
            "id = 'thu-thap'",
            "id = 'abcdefghijabcdefghijabcdefghijabcdefghijx'",
            "2: rule 'abcdefghijabcdefghijabcdefghijabcdefghijx': the id of a rule has at most 40",
        ),
        ("severity", "severty", "3: unknown key 'severty' in rule 'thu-thap'; did you mean 'severity'?"),
        ("'warning'", "'warnin'", "3: 'severity' in rule 'thu-thap' is 'warnin'; did you mean 'warning'?"),
        ("{area}", "{aera}", "4: rule 'thu-thap': nothing can stand at {aera}; did you mean 'area'?"),
        ("{area}", "{area", "4: rule 'thu-thap': a brace stands alone; places are written {area}"),
        (
            "budget.revenue",
            "budget.revenu",
            "5: rule 'thu-thap': indicator 'budget.revenu' is not in indicators.toml; did you mean 'budget.revenue'?",
        ),
        ("below = 10", "below = 10, above = 5", "5: rule 'thu-thap': give either 'above' or 'below'"),
        ("below = 10, ", "", "5: rule 'thu-thap': give either 'above' or 'below'"),
        (
            "clear = 12",
            "clear = 9",
            "5: rule 'thu-thap': 'clear' is 9, which would raise the alarm; it lies on the better side of 10",
        ),
        ("clear = 12", "areas = ['523']", "5: rule 'thu-thap': area '523' is not in areas.toml; did you mean '522'?"),
        ("for_secs = 60", "for_secs = 700000", "5: rule 'thu-thap': for_secs is 700000; it is between 0 and 604800"),
        (
            "severity",
            "agency = 'so-tai-chin'\nseverity",
            "3: rule 'thu-thap': agency 'so-tai-chin' is not in agencies.toml; did you mean 'so-tai-chinh'?",
        ),
        (
            threshold,
            "",
            "1: rule 'thu-thap': a rule has one condition: 'threshold', 'rate', 'stale', 'source_down' or 'task_overdue'",
        ),
        (threshold, "source_down = {}\ntask_overdue = {}", "1: rule 'thu-thap': a rule has one condition"),
        (threshold, "source_down = { source = 'kttv' }", "4: rule 'thu-thap': nothing can stand at {value}"),
        (
            threshold,
            "rate = { indicator = 'budget.revenue', rises_by = 0, within_secs = 60 }",
            "5: rule 'thu-thap': what it rises or falls by is a number above 0",
        ),
        (
            threshold,
            "stale = { indicator = 'budget.revenue', indicators = ['budget.revenue'] }",
            "5: rule 'thu-thap': give either 'indicator' or 'indicators'",
        ),
        ("[[rule]]", "[[rules]]", "1: unknown key 'rules'; this file holds [[rule]] and [[webhook]] only"),
    ];
    for (old, new, expected) in cases {
        assert!(RULE.contains(old), "{old}");
        let said = said(alarms::FILE, |text| *text = RULE.replacen(old, new, 1));
        let expected = format!("alarms.toml:{expected}");
        assert!(said.iter().any(|said| said.starts_with(&expected)), "{expected}\n{said:#?}");
    }
}

#[test]
fn names_that_are_taken_are_named() {
    let twice = said(alarms::FILE, |text| *text = format!("{RULE}{RULE}"));
    assert_eq!(twice, ["alarms.toml:7: a second rule is called 'thu-thap'; the first is on line 2"]);
    let mut files = whole();
    files.insert(alarms::FILE.to_owned(), RULE.to_owned());
    files.insert("sources.toml".to_owned(), "[[source]]\nid = 'alarms'\nname = 'Khác'\nkind = 'push'\n".to_owned());
    let said = loaded(&files, &[]).unwrap_err();
    assert_eq!(
        said,
        ["alarms.toml: a source of sources.toml is called 'alarms', as that of this file is; give it another id"]
    );
}

#[test]
fn mistakes_in_webhooks_are_named() {
    let webhook = "[[webhook]]\nid = 'zalo'\nurl = 'https://example.org/alarms'\n";
    let cases = [
        ("https:", "ftp:", "3: webhook 'zalo': the address begins with http:// or https://"),
        ("//example", "//u:p@example", "3: webhook 'zalo': no user or password is written here; use 'secret_headers'"),
        (
            "id = 'zalo'",
            "id = 'zalo'\nsecret_headers = { authorization = 'Bearer x' }",
            "3: 'authorization' in webhook 'zalo': a secret is not written here",
        ),
        ("id = 'zalo'", "id = 'zalo'\nlanguage = 'fr'", "3: 'language' in webhook 'zalo' is 'fr'; known: vi, en"),
        (
            "id = 'zalo'",
            "id = 'zalo'\ntimeout_secs = 0",
            "3: webhook 'zalo': timeout_secs is 0; it is between 1 and 120",
        ),
        ("id = 'zalo'\n", "", "1: missing key 'id' in a nameless webhook"),
    ];
    for (old, new, expected) in cases {
        let said = said(alarms::FILE, |text| *text = webhook.replacen(old, new, 1));
        let expected = format!("alarms.toml:{expected}");
        assert!(said.iter().any(|said| said.starts_with(&expected)), "{expected}\n{said:#?}");
    }
}
