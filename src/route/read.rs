//! Documents from text: what serde cannot derive.

use std::fmt;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

use super::document::{Document, FieldMatch, FieldPattern, Pattern, StringMatch};
use super::error::RouteError;
use crate::outcome::Outcome;

#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Document {
    /// A document in JSON.
    ///
    /// # Errors
    ///
    /// One problem, with line and column: the text is no document.
    pub fn from_json(text: &str) -> Result<Self, RouteError> {
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what = error.to_string();
            let what = what.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&what);
            RouteError::one(format!("line {line} column {column}"), what.to_owned())
        })
    }

    /// A document in YAML.
    ///
    /// # Errors
    ///
    /// One problem, with line and column: the text is no document.
    #[cfg(feature = "yaml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "yaml")))]
    pub fn from_yaml(text: &str) -> Result<Self, RouteError> {
        // The parser's bounds are against small documents that grow by aliases; they must not refuse a large one.
        let nodes = text.len();
        let options = serde_saphyr::options! {
            with_snippet: false,
            budget: serde_saphyr::budget! { max_events: nodes.max(1_000_000), max_nodes: nodes.max(250_000) },
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let what = error.to_string();
            let Some(at) = error.location() else { return RouteError::one(String::new(), what) };
            let (line, column) = (at.line(), at.column());
            let what = what.strip_suffix(&format!(" at line {line}, column {column}")).unwrap_or(&what);
            RouteError::one(format!("line {line} column {column}"), what.to_owned())
        })
    }
}

/// A bare string, or a map of one pattern and `ignore_case`.
impl<'de> Deserialize<'de> for StringMatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StringOrMap;

        impl<'de> Visitor<'de> for StringOrMap {
            type Value = StringMatch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string (a number needs quotes), or a map with one of `exact`, `prefix`, `suffix`, ")?;
                f.write_str("`contains` and `regex`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<StringMatch, E> {
                Ok(StringMatch::exact(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StringMatch, A::Error> {
                let Patterns { exact, prefix, suffix, contains, regex, ignore_case } =
                    Patterns::deserialize(MapAccessDeserializer::new(map))?;
                let pattern = one_of(exact, prefix, suffix, contains, regex)?;
                let pattern = pattern.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                Ok(StringMatch { pattern, ignore_case })
            }
        }

        deserializer.deserialize_any(StringOrMap)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Patterns {
    exact: Option<String>,
    prefix: Option<String>,
    suffix: Option<String>,
    contains: Option<String>,
    regex: Option<String>,
    #[serde(default)]
    ignore_case: bool,
}

/// The patterns stand beside the name.
impl<'de> Deserialize<'de> for FieldMatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Field {
            name: String,
            exact: Option<String>,
            prefix: Option<String>,
            suffix: Option<String>,
            contains: Option<String>,
            regex: Option<String>,
            present: Option<bool>,
            #[serde(default)]
            ignore_case: bool,
            #[serde(default)]
            invert: bool,
            #[serde(default)]
            treat_missing_as_empty: bool,
        }

        let field = Field::deserialize(deserializer)?;
        let pattern = one_of(field.exact, field.prefix, field.suffix, field.contains, field.regex)?;
        let value = match (pattern, field.present) {
            (Some(pattern), None) => FieldPattern::Value(StringMatch { pattern, ignore_case: field.ignore_case }),
            (Some(pattern), Some(_)) => return Err(two(pattern.name(), "present")),
            (None, _) if field.ignore_case => return Err(D::Error::custom("`ignore_case` needs a pattern")),
            (None, present) => FieldPattern::Present(present.unwrap_or(true)),
        };
        let Field { name, invert, treat_missing_as_empty, .. } = field;
        Ok(Self { name, value, invert, treat_missing_as_empty })
    }
}

/// The pattern, if there is one and no other.
fn one_of<E: Error>(
    exact: Option<String>,
    prefix: Option<String>,
    suffix: Option<String>,
    contains: Option<String>,
    regex: Option<String>,
) -> Result<Option<Pattern>, E> {
    let mut patterns = [
        exact.map(Pattern::Exact),
        prefix.map(Pattern::Prefix),
        suffix.map(Pattern::Suffix),
        contains.map(Pattern::Contains),
        regex.map(Pattern::Regex),
    ]
    .into_iter()
    .flatten();
    match (patterns.next(), patterns.next()) {
        (Some(one), Some(other)) => Err(two(one.name(), other.name())),
        (pattern, _) => Ok(pattern),
    }
}

fn two<E: Error>(one: &str, other: &str) -> E {
    E::custom(format_args!("`{one}` and `{other}` exclude each other"))
}

/// `500ms`, `1.5s`, `1m`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match parse_duration(&text) {
        Some(duration) => Ok(Some(duration)),
        None => Err(D::Error::invalid_value(Unexpected::Str(&text), &"a duration like 500ms, 1.5s, 1m or 1h")),
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| c.is_ascii_alphabetic())?)?;
    let unit: u128 = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(part.len()).ok()?);
    let (whole, part) = (whole.parse::<u128>().ok()?, part.parse::<u128>().ok()?);
    let nanos = whole.checked_mul(unit)?.checked_add(part.checked_mul(unit)?.checked_div(scale)?)?;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

pub(super) fn outcome<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outcome, D::Error> {
    Name::deserialize(deserializer).map(|Name(outcome)| outcome)
}

pub(super) fn outcomes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Outcome>, D::Error> {
    Ok(Vec::<Name>::deserialize(deserializer)?.into_iter().map(|Name(outcome)| outcome).collect())
}

/// An outcome by its name.
struct Name(Outcome);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Outcome::from_name(&name).map(Name).ok_or_else(|| {
            let names: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
            D::Error::custom(format_args!("unknown outcome {name:?}, expected one of {}", names.join(", ")))
        })
    }
}

/// A map, in the order in which it is written.
pub(super) fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of field names to values")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            std::iter::from_fn(|| map.next_entry().transpose()).collect()
        }
    }

    deserializer.deserialize_map(Pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        for (text, nanos) in [
            ("0s", Some(0)),
            ("500ms", Some(500_000_000)),
            ("3s", Some(3_000_000_000)),
            ("0.025s", Some(25_000_000)),
            ("1.5m", Some(90_000_000_000)),
            ("2h", Some(7_200_000_000_000)),
            ("0.0000000019s", Some(1)),
            ("999999999999h", None),
            ("9999999999999s", None),
            ("3", None),
            ("s", None),
            ("-1s", None),
            ("+1s", None),
            ("1.s", None),
            (".5s", None),
            ("1e3s", None),
            ("1m30s", None),
            ("1 s", None),
            ("1S", None),
            ("", None),
        ] {
            assert_eq!(parse_duration(text), nanos.map(Duration::from_nanos), "{text}");
        }
    }
}
