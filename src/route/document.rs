//! The route document: what people write, and what a [`RouteTable`](crate::RouteTable) is made of.
//!
//! Every type here is plain data with public fields. What is not written has its default; what is unknown is refused.
//! Nothing is checked before [`RouteTable::new`](crate::RouteTable::new), which reports all that is wrong at once.
//!
//! ```
//! use std::time::Duration;
//! use meshwire::RouteTable;
//! use meshwire::route::document::{Conditions, Document, FieldMatch, Route, StringMatch, VirtualHost};
//!
//! let mut gray = Route::to("demo-gray")
//!     .when(Conditions::default().path(StringMatch::prefix("/api/")).field(FieldMatch::new("env", "gray")));
//! gray.timeout = Some(Duration::from_secs(3));
//! let demo = VirtualHost::new(["demo.example.com", "*.demo.example.com"], [gray, Route::to("demo")]);
//! let table = RouteTable::new(Document::new([demo]))?;
//! assert!(table.depth().needs_field(b"env"));
//! # Ok::<(), meshwire::route::RouteError>(())
//! ```

use std::time::Duration;

use crate::error::EditError;
use crate::head::Head;
use crate::outcome::Outcome;

/// A whole route document.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Document {
    /// The virtual hosts; their order means nothing.
    pub virtual_hosts: Vec<VirtualHost>,
    /// What becomes of a condition on a field, or on the group, that the message does not show.
    pub unseen_fields: UnseenFields,
}

impl Document {
    /// A document of these virtual hosts.
    pub fn new(virtual_hosts: impl IntoIterator<Item = VirtualHost>) -> Self {
        Self { virtual_hosts: virtual_hosts.into_iter().collect(), unseen_fields: UnseenFields::default() }
    }
}

/// What becomes of a condition on a field, or on the group, where the message has them in a place that is not looked at:
/// Dubbo's attachments behind arguments of more than [`Limits::head`](crate::Limits::head), or in a serialization that is
/// not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum UnseenFields {
    /// The request is refused, if nothing else decides. Otherwise a client could pad an argument to get past a rule.
    #[default]
    Error,
    /// The condition does not hold, and the next route is tried.
    Miss,
}

/// Hosts that share their routes.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct VirtualHost {
    /// A name for logs.
    pub name: Option<String>,
    /// At least one of: a host, `*` and the end of one, the beginning of one and `*`, or `*` for every other host.
    pub hosts: Vec<String>,
    /// The routes, the first match first.
    pub routes: Vec<Route>,
}

impl VirtualHost {
    /// A virtual host without a name.
    pub fn new<H: Into<String>>(hosts: impl IntoIterator<Item = H>, routes: impl IntoIterator<Item = Route>) -> Self {
        let hosts = hosts.into_iter().map(Into::into).collect();
        Self { name: None, hosts, routes: routes.into_iter().collect() }
    }
}

/// One route: what it matches, and what becomes of what matches.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Route {
    /// A name for logs.
    pub name: Option<String>,
    /// What must hold, all of it; by default everything matches. Called `match` in documents.
    #[cfg_attr(feature = "serde", serde(rename = "match"))]
    pub conditions: Conditions,
    /// Goes to this cluster. Exactly one of `cluster`, `weighted` and `reply` is set.
    pub cluster: Option<String>,
    /// Goes to one of these clusters.
    pub weighted: Vec<Weight>,
    /// Is answered by the proxy.
    pub reply: Option<Reply>,
    /// From the end of the request to the end of the answer, retries included; zero or nothing: no timeout.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::read::duration"))]
    pub timeout: Option<Duration>,
    /// When to try again; by default never.
    pub retry: Option<Retry>,
    /// Edits of the request's fields.
    pub request_fields: FieldEdits,
    /// Edits of the answer's fields.
    pub response_fields: FieldEdits,
}

impl Route {
    /// A route of everything to one cluster.
    pub fn to(cluster: impl Into<String>) -> Self {
        Self { cluster: Some(cluster.into()), ..Self::default() }
    }

    /// A route of everything to several clusters by weight.
    pub fn split<C: Into<String>>(weighted: impl IntoIterator<Item = (C, u32)>) -> Self {
        let weighted =
            weighted.into_iter().map(|(cluster, weight)| Weight { cluster: cluster.into(), weight }).collect();
        Self { weighted, ..Self::default() }
    }

    /// A route whose requests the proxy answers.
    pub fn reply(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { reply: Some(Reply { outcome, message: message.into() }), ..Self::default() }
    }

    /// The same route under these conditions.
    #[must_use]
    pub fn when(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }
}

/// What a route matches: all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Conditions {
    /// The service.
    pub service: Option<StringMatch>,
    /// The method of the service.
    pub method: Option<StringMatch>,
    /// What HTTP calls the request method; the RPC method where the protocol has no verb.
    pub verb: Option<StringMatch>,
    /// The service version.
    pub version: Option<StringMatch>,
    /// The service group.
    pub group: Option<StringMatch>,
    /// The path without query and fragment, else `/service/method`.
    pub path: Option<StringMatch>,
    /// Fields (headers, attachments).
    pub fields: Vec<FieldMatch>,
}

impl Conditions {
    /// The same and a condition on the service.
    #[must_use]
    pub fn service(mut self, service: impl Into<StringMatch>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// The same and a condition on the method.
    #[must_use]
    pub fn method(mut self, method: impl Into<StringMatch>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// The same and a condition on the verb.
    #[must_use]
    pub fn verb(mut self, verb: impl Into<StringMatch>) -> Self {
        self.verb = Some(verb.into());
        self
    }

    /// The same and a condition on the version.
    #[must_use]
    pub fn version(mut self, version: impl Into<StringMatch>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The same and a condition on the group.
    #[must_use]
    pub fn group(mut self, group: impl Into<StringMatch>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The same and a condition on the path.
    #[must_use]
    pub fn path(mut self, path: impl Into<StringMatch>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same and a condition on a field.
    #[must_use]
    pub fn field(mut self, field: FieldMatch) -> Self {
        self.fields.push(field);
        self
    }
}

/// A condition on a value. In documents a bare string is an exact match; else a map of one of `exact`, `prefix`,
/// `suffix`, `contains`, `regex`, and `ignore_case` if wanted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StringMatch {
    /// What the value must look like.
    pub pattern: Pattern,
    /// Whether ASCII case is ignored. A regular expression says `(?i)` itself.
    pub ignore_case: bool,
}

impl StringMatch {
    /// The value is `text`.
    pub fn exact(text: impl Into<String>) -> Self {
        Pattern::Exact(text.into()).into()
    }

    /// The value begins with `text`.
    pub fn prefix(text: impl Into<String>) -> Self {
        Pattern::Prefix(text.into()).into()
    }

    /// The value ends with `text`.
    pub fn suffix(text: impl Into<String>) -> Self {
        Pattern::Suffix(text.into()).into()
    }

    /// The value contains `text`.
    pub fn contains(text: impl Into<String>) -> Self {
        Pattern::Contains(text.into()).into()
    }

    /// The whole value matches the regular expression.
    pub fn regex(text: impl Into<String>) -> Self {
        Pattern::Regex(text.into()).into()
    }

    /// The same without regard to ASCII case.
    #[must_use]
    pub const fn ignoring_case(mut self) -> Self {
        self.ignore_case = true;
        self
    }
}

impl From<Pattern> for StringMatch {
    fn from(pattern: Pattern) -> Self {
        Self { pattern, ignore_case: false }
    }
}

impl From<&str> for StringMatch {
    fn from(text: &str) -> Self {
        Self::exact(text)
    }
}

impl From<String> for StringMatch {
    fn from(text: String) -> Self {
        Self::exact(text)
    }
}

/// What a value must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pattern {
    /// It is this.
    Exact(String),
    /// It begins with this.
    Prefix(String),
    /// It ends with this.
    Suffix(String),
    /// This is somewhere in it.
    Contains(String),
    /// The whole of it matches this regular expression.
    Regex(String),
}

impl Pattern {
    /// The key that stands for it in documents.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact",
            Self::Prefix(_) => "prefix",
            Self::Suffix(_) => "suffix",
            Self::Contains(_) => "contains",
            Self::Regex(_) => "regex",
        }
    }

    /// What it is compared with.
    pub const fn text(&self) -> &String {
        match self {
            Self::Exact(text) | Self::Prefix(text) | Self::Suffix(text) | Self::Contains(text) | Self::Regex(text) => {
                text
            }
        }
    }
}

/// A condition on a field. In documents the keys of the value's [`StringMatch`], or `present`, stand beside `name`;
/// with none of them the field must be present.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldMatch {
    /// The field's name, in any case.
    pub name: String,
    /// What is asked of it.
    pub value: FieldPattern,
    /// Turns the result around, as the last step.
    pub invert: bool,
    /// A missing field is matched as an empty one.
    pub treat_missing_as_empty: bool,
}

impl FieldMatch {
    /// The field is there and its value matches.
    pub fn new(name: impl Into<String>, value: impl Into<StringMatch>) -> Self {
        let value = FieldPattern::Value(value.into());
        Self { name: name.into(), value, invert: false, treat_missing_as_empty: false }
    }

    /// The field is there, or is not.
    pub fn present(name: impl Into<String>, present: bool) -> Self {
        let value = FieldPattern::Present(present);
        Self { name: name.into(), value, invert: false, treat_missing_as_empty: false }
    }

    /// The same condition turned around.
    #[must_use]
    pub const fn inverted(mut self) -> Self {
        self.invert = !self.invert;
        self
    }

    /// The same condition, to which a missing field is an empty one.
    #[must_use]
    pub const fn treating_missing_as_empty(mut self) -> Self {
        self.treat_missing_as_empty = true;
        self
    }
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldPattern {
    /// It is there and looks like this.
    Value(StringMatch),
    /// It is there, or is not.
    Present(bool),
}

/// A cluster and its share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(deny_unknown_fields))]
#[allow(clippy::exhaustive_structs)]
pub struct Weight {
    /// The cluster.
    pub cluster: String,
    /// Its share of the sum of all weights; may be zero.
    pub weight: u32,
}

/// An answer that the proxy gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Reply {
    /// What to tell the client, by [name](Outcome::name).
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::read::outcome"))]
    pub outcome: Outcome,
    /// One line for people.
    #[cfg_attr(feature = "serde", serde(default))]
    pub message: String,
}

/// When to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Retry {
    /// How often after the first time. Default 1; 0 is no retry.
    pub attempts: u32,
    /// The outcomes, by name, after which to try again.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::read::outcomes"))]
    pub on: Vec<Outcome>,
    /// The longest that one try may take, the first included; zero or nothing: the route's timeout alone.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::read::duration"))]
    pub per_try_timeout: Option<Duration>,
    /// The upper bound of the wait before the first retry; it doubles with each. Default 25 ms.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::read::duration"))]
    pub backoff: Option<Duration>,
    /// Where the doubling ends. Default ten times `backoff`.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::read::duration"))]
    pub max_backoff: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 1, on: Vec::new(), per_try_timeout: None, backoff: None, max_backoff: None }
    }
}

impl Retry {
    /// One retry after any of these outcomes.
    pub fn new(on: impl IntoIterator<Item = Outcome>) -> Self {
        Self { on: on.into_iter().collect(), ..Self::default() }
    }
}

/// Edits of fields: first those of `remove`, then of `set`, then of `add`, each in the order of the document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct FieldEdits {
    /// Fields put in place of all that have their name.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::read::pairs"))]
    pub set: Vec<(String, String)>,
    /// Fields put behind the others.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::read::pairs"))]
    pub add: Vec<(String, String)>,
    /// Names of the fields that are taken out.
    pub remove: Vec<String>,
}

impl FieldEdits {
    /// Makes the edits. Envoy's order: what is removed first can be added again.
    ///
    /// # Errors
    ///
    /// [`EditError`] where the protocol has no place for a field. Edits before that one are made: such a head is
    /// not to be forwarded.
    pub fn apply(&self, head: &mut Head) -> Result<(), EditError> {
        self.remove.iter().try_for_each(|name| head.remove_field(name.as_bytes()))?;
        self.set.iter().try_for_each(|(name, value)| head.set_field(name.as_bytes(), value.as_bytes()))?;
        self.add.iter().try_for_each(|(name, value)| head.add_field(name.as_bytes(), value.as_bytes()))
    }

    /// Whether nothing is edited.
    pub const fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }
}
