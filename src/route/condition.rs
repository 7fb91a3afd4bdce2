//! What a route asks of a message.

use std::borrow::Cow;

use super::matcher::Matcher;
use super::table::NotSeen;
use crate::depth::Depth;
use crate::key::{Attr, Attribute, RoutingKey};

/// One condition, made ready.
#[derive(Debug)]
pub(super) enum Condition {
    /// The attribute itself: service, method, version or group.
    Attribute(Attribute, Matcher),
    Verb(Matcher),
    Path(Matcher),
    Field(Box<FieldCondition>),
}

#[derive(Debug)]
pub(super) struct FieldCondition {
    pub(super) name: Box<str>,
    pub(super) wanted: Wanted,
    pub(super) invert: bool,
    pub(super) treat_missing_as_empty: bool,
}

#[derive(Debug)]
pub(super) enum Wanted {
    Value(Matcher),
    Present(bool),
}

impl Condition {
    /// Whether it holds, or what would have to be decoded to know.
    pub(super) fn holds<K: RoutingKey + ?Sized>(&self, key: &K) -> Result<bool, NotSeen<'_>> {
        let (value, matcher, attribute) = match self {
            Self::Attribute(attribute, matcher) => (key.attribute(*attribute), matcher, *attribute),
            Self::Verb(matcher) => {
                let verb = key.attribute(Attribute::Verb);
                let unseen = if verb == Attr::NotSeen { Attribute::Verb } else { Attribute::Method };
                (key.verb(), matcher, unseen)
            }
            Self::Path(matcher) => {
                let path = key.path().map_err(NotSeen::Attribute)?;
                return Ok(path.is_some_and(|path| matcher.matches_path(path)));
            }
            Self::Field(field) => {
                let fields = key.fields().ok_or(NotSeen::Field(&field.name))?;
                return Ok(field.holds(values(fields, field.name.as_bytes())));
            }
        };
        match value {
            Attr::Value(value) => Ok(matcher.matches(value)),
            Attr::Absent => Ok(false),
            Attr::NotSeen => Err(NotSeen::Attribute(attribute)),
        }
    }

    /// `depth` and what this condition looks at.
    pub(super) fn deepen(&self, depth: Depth) -> Depth {
        match self {
            Self::Attribute(attribute, _) => depth.with(*attribute),
            Self::Verb(_) => depth.with(Attribute::Verb).with(Attribute::Method),
            Self::Path(_) => depth.with(Attribute::Path).with(Attribute::Service).with(Attribute::Method),
            Self::Field(field) => depth.with_field(field.name.as_bytes()),
        }
    }
}

impl FieldCondition {
    fn holds(&self, value: Option<Cow<'_, [u8]>>) -> bool {
        let value = match value {
            Some(value) => value,
            None if self.treat_missing_as_empty => Cow::Borrowed(&b""[..]),
            // A missing field meets no condition on its value, and `invert` does not change that; only one on its
            // presence knows it at all.
            None => return matches!(self.wanted, Wanted::Present(present) if present == self.invert),
        };
        let holds = match &self.wanted {
            Wanted::Value(matcher) => matcher.matches(&value),
            Wanted::Present(present) => *present,
        };
        holds != self.invert
    }
}

/// The values of the fields called `name`, joined by `,`; allocates for the second one.
fn values<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, name: &[u8]) -> Option<Cow<'a, [u8]>> {
    let values = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| Cow::Borrowed(value));
    values.reduce(|mut joined, value| {
        let text = joined.to_mut();
        text.push(b',');
        text.extend_from_slice(&value);
        joined
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::document::StringMatch;

    fn holds(wanted: Wanted, invert: bool, treat_missing_as_empty: bool, fields: &[(&[u8], &[u8])]) -> bool {
        let condition = FieldCondition { name: "Env".into(), wanted, invert, treat_missing_as_empty };
        condition.holds(values(fields.iter().copied(), b"Env"))
    }

    fn value(text: &str) -> Wanted {
        Wanted::Value(Matcher::new(&StringMatch::exact(text)).unwrap())
    }

    #[test]
    fn a_missing_field_is_no_value_even_inverted() {
        // what, invert, treat as empty: holds when missing, when empty, when "a"
        for (wanted, invert, empty, missing, void, a) in [
            (value as fn(&str) -> Wanted, false, false, false, false, true),
            (value, true, false, false, true, false),
            (value, false, true, false, false, true),
            (value, true, true, true, true, false),
            (|_| Wanted::Present(true), false, false, false, true, true),
            (|_| Wanted::Present(true), true, false, true, false, false),
            (|_| Wanted::Present(false), false, false, true, false, false),
            (|_| Wanted::Present(false), true, false, false, true, true),
            (|_| Wanted::Present(true), false, true, true, true, true),
            (|_| Wanted::Present(true), true, true, false, false, false),
        ] {
            let says = |fields: &[(&[u8], &[u8])]| holds(wanted("a"), invert, empty, fields);
            let got = (says(&[(b"other", b"a")]), says(&[(b"env", b"")]), says(&[(b"ENV", b"a")]));
            assert_eq!(got, (missing, void, a), "{:?} {invert} {empty}", wanted("a"));
        }
        assert!(holds(value(""), false, true, &[]), "the missing field is an empty one");
    }

    #[test]
    fn namesakes_are_joined() {
        let fields: &[(&[u8], &[u8])] = &[(b"env", b"a"), (b"x", b"b"), (b"ENV", b""), (b"Env", b"c")];
        assert!(holds(value("a,,c"), false, false, fields));
        assert!(!holds(value("a"), false, false, fields));
    }
}
