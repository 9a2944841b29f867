//! What a person reads: `assets/locales/{vi,en}.ftl`, built in.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

/// The texts of one language.
type Bundle = FluentBundle<FluentResource>;

const SOURCES: [(&str, &str); 2] =
    [("vi", include_str!("../../assets/locales/vi.ftl")), ("en", include_str!("../../assets/locales/en.ftl"))];

static BUNDLES: LazyLock<[Bundle; 2]> = LazyLock::new(|| SOURCES.map(|(language, source)| bundle(language, source)));

fn bundle(language: &str, source: &str) -> Bundle {
    let language: LanguageIdentifier = language.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    bundle.set_use_isolating(false);
    // What parses is used; the tests below hold the files to be whole.
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(parsed, _)| parsed);
    bundle.add_resource_overriding(resource);
    bundle
}

/// The text of `key` in `language` (`vi`, or `en`); the key itself where there is none.
#[must_use]
pub fn text(language: &str, key: &str) -> String {
    text_with(language, key, &[])
}

/// The text of `key` with its places filled.
#[must_use]
pub fn text_with(language: &str, key: &str, values: &[(&str, &str)]) -> String {
    let bundle = &BUNDLES[usize::from(language == "en")];
    let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else { return key.to_owned() };
    let mut args = FluentArgs::new();
    for (name, value) in values {
        args.set(*name, *value);
    }
    let mut errors = Vec::new();
    bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(source: &str) -> BTreeSet<&str> {
        source
            .lines()
            .filter(|line| !line.starts_with([' ', '#', '-']))
            .filter_map(|line| line.split_once(" = ").map(|(key, _)| key))
            .collect()
    }

    #[test]
    fn both_languages_parse_and_have_the_same_keys() {
        for (language, source) in SOURCES {
            assert!(FluentResource::try_new(source.to_owned()).is_ok(), "{language}.ftl does not parse");
        }
        let [vi, en] = SOURCES.map(|(_, source)| keys(source));
        assert!(!vi.is_empty());
        assert_eq!(vi, en);
    }

    #[test]
    fn places_are_filled() {
        assert_eq!(text_with("vi", "stale-hours", &[("count", "26")]), "cũ 26 giờ");
        assert_eq!(text_with("en", "no-such-key", &[]), "no-such-key");
    }
}
