//! From a document to a table: everything is checked here, and all that is wrong is reported at once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::action::{Action, More, Retry, Route};
use super::condition::{Condition, FieldCondition, Wanted};
use super::document::{self, Conditions, Document, FieldEdits, FieldMatch, FieldPattern, StringMatch, Weight};
use super::error::{At, Problems, RouteError};
use super::host::{HostIndex, HostPattern};
use super::matcher::Matcher;
use super::table::{RouteTable, VirtualHost};
use crate::depth::Depth;
use crate::key::Attribute;
use crate::outcome::Outcome;

/// As Envoy waits.
const BACKOFF: Duration = Duration::from_millis(25);

pub(super) fn load(document: Document) -> Result<RouteTable, RouteError> {
    let mut loader = Loader::default();
    let unseen_fields = document.unseen_fields;
    let hosts = loader.hosts(&document);
    let mut virtual_hosts = Vec::with_capacity(document.virtual_hosts.len());
    for (n, host) in document.virtual_hosts.into_iter().enumerate() {
        if loader.problems.is_full() {
            break;
        }
        virtual_hosts.push(loader.virtual_host(&At::root("virtual_hosts").nth(n), host));
    }
    loader.problems.into_result()?;
    let depth = Arc::new(depth(&hosts, &virtual_hosts));
    Ok(RouteTable { hosts, virtual_hosts: virtual_hosts.into(), depth, unseen_fields })
}

/// What must be decoded so that every lookup has an answer.
fn depth(hosts: &HostIndex, virtual_hosts: &[VirtualHost]) -> Depth {
    let host = if hosts.is_trivial() {
        Depth::BOUNDARY
    } else {
        Depth::BOUNDARY.with(Attribute::Authority).with(Attribute::Service)
    };
    virtual_hosts.iter().fold(host, |depth, host| {
        // Nothing gets past a route that matches everything.
        let tried = host.routes().take_while(|route| !route.conditions.is_empty());
        tried.fold(depth, |depth, route| route.deepen(depth))
    })
}

#[derive(Default)]
struct Loader {
    problems: Problems,
}

impl Loader {
    fn hosts(&mut self, document: &Document) -> HostIndex {
        let mut patterns = Vec::new();
        let mut seen: HashMap<String, (usize, usize)> = HashMap::new();
        for (v, virtual_host) in document.virtual_hosts.iter().enumerate() {
            let at = At::root("virtual_hosts").nth(v);
            let Ok(number) = u32::try_from(v) else {
                self.problems.push(&at, "there are too many virtual hosts");
                break;
            };
            if virtual_host.hosts.is_empty() {
                self.problems.push(&at.key("hosts"), "is empty: nothing can come here");
            }
            for (h, host) in virtual_host.hosts.iter().enumerate() {
                let at = at.item("hosts", h);
                match HostPattern::parse(host) {
                    Err(what) => self.problems.push(&at, what),
                    Ok(pattern) => match seen.entry(host.to_ascii_lowercase()) {
                        Entry::Vacant(entry) => {
                            entry.insert((v, h));
                            patterns.push((pattern, number));
                        }
                        Entry::Occupied(entry) => {
                            let (v, h) = *entry.get();
                            let what = format!("{host:?} is taken by virtual_hosts[{v}].hosts[{h}]");
                            self.problems.push(&at, what);
                        }
                    },
                }
            }
        }
        HostIndex::new(patterns).unwrap_or_else(|| {
            self.problems.push(&At::root("virtual_hosts"), "the hosts take more than 4 GiB");
            HostIndex::default()
        })
    }

    fn virtual_host(&mut self, at: &At<'_>, host: document::VirtualHost) -> VirtualHost {
        let routes = host.routes.into_iter().enumerate();
        let mut routes = routes.map_while(|(n, route)| self.route(&at.item("routes", n), route));
        VirtualHost { first: routes.next(), others: routes.collect(), name: host.name.map(Into::into) }
    }

    /// The route; nothing where so much is wrong already that nobody reads on.
    fn route(&mut self, at: &At<'_>, mut route: document::Route) -> Option<Route> {
        if self.problems.is_full() {
            return None;
        }
        let conditions = self.conditions(&at.key("match"), route.conditions);
        if route.reply.is_some() {
            let forwards = [
                ("timeout", route.timeout.is_some()),
                ("retry", route.retry.is_some()),
                ("request_fields", !route.request_fields.is_empty()),
            ];
            for (name, _) in forwards.into_iter().filter(|(_, is_set)| *is_set) {
                self.problems.push(&at.key(name), "does nothing where the proxy replies");
            }
        }
        let retry = route.retry.and_then(|retry| self.retry(&at.key("retry"), retry));
        self.edits(&at.key("request_fields"), &route.request_fields);
        self.edits(&at.key("response_fields"), &route.response_fields);
        let action = match (route.cluster, std::mem::take(&mut route.weighted), route.reply) {
            (Some(cluster), weighted, None) if weighted.is_empty() => {
                if cluster.is_empty() {
                    self.problems.push(&at.key("cluster"), "is empty");
                }
                Some(Action::Cluster(cluster.into()))
            }
            (None, weighted, None) if !weighted.is_empty() => self.weighted(at, weighted),
            (None, weighted, Some(reply)) if weighted.is_empty() => Some(Action::Reply(Box::new(reply))),
            (None, _, None) => {
                self.problems.push(at, "needs one of `cluster`, `weighted` and `reply`");
                None
            }
            _ => {
                self.problems.push(at, "has more than one of `cluster`, `weighted` and `reply`");
                None
            }
        };
        let name = route.name.map(Into::into);
        let more = More { name, retry, request: route.request_fields, response: route.response_fields };
        Some(Route {
            conditions,
            // What has no action has a problem: the table is not made.
            action: action.unwrap_or(Action::Cluster(Box::default())),
            timeout: route.timeout.filter(|timeout| !timeout.is_zero()),
            more: if more.is_empty() { None } else { Some(Box::new(more)) },
        })
    }

    /// Cheap ones first: attributes, then the path, then fields, which have to be walked.
    fn conditions(&mut self, at: &At<'_>, wanted: Conditions) -> Box<[Condition]> {
        let Conditions { service, method, verb, version, group, path, fields } = wanted;
        let mut conditions = Vec::new();
        for (attribute, wanted) in [
            (Attribute::Service, service),
            (Attribute::Method, method),
            (Attribute::Verb, verb),
            (Attribute::Version, version),
            (Attribute::Group, group),
            (Attribute::Path, path),
        ] {
            let matcher = wanted.and_then(|wanted| self.matcher(&at.key(attribute.name()), &wanted));
            conditions.extend(matcher.map(|matcher| match attribute {
                Attribute::Path => Condition::Path(matcher),
                Attribute::Verb => Condition::Verb(matcher),
                attribute => Condition::Attribute(attribute, matcher),
            }));
        }
        for (n, field) in fields.into_iter().enumerate() {
            let condition = self.field(&at.item("fields", n), field);
            conditions.extend(condition.map(|condition| Condition::Field(Box::new(condition))));
        }
        conditions.into()
    }

    fn field(&mut self, at: &At<'_>, field: FieldMatch) -> Option<FieldCondition> {
        self.field_name(&at.key("name"), &field.name);
        let wanted = match field.value {
            FieldPattern::Present(present) => Wanted::Present(present),
            FieldPattern::Value(wanted) => Wanted::Value(self.matcher(at, &wanted)?),
        };
        Some(FieldCondition {
            name: field.name.into(),
            wanted,
            invert: field.invert,
            treat_missing_as_empty: field.treat_missing_as_empty,
        })
    }

    fn matcher(&mut self, at: &At<'_>, wanted: &StringMatch) -> Option<Matcher> {
        Matcher::new(wanted).map_err(|what| self.problems.push(&at.key(wanted.pattern.name()), what)).ok()
    }

    fn weighted(&mut self, at: &At<'_>, weighted: Vec<Weight>) -> Option<Action> {
        for (n, _) in weighted.iter().enumerate().filter(|(_, choice)| choice.cluster.is_empty()) {
            self.problems.push(&at.item("weighted", n).key("cluster"), "is empty");
        }
        let total = weighted.iter().try_fold(0_u32, |total, choice| total.checked_add(choice.weight));
        match total {
            Some(0) => self.problems.push(&at.key("weighted"), "all weights are zero"),
            None => self.problems.push(&at.key("weighted"), "the weights add up to more than 4294967295"),
            Some(total) => return Some(Action::Weighted { clusters: weighted.into(), total }),
        }
        None
    }

    /// The policy; nothing where it never tries again.
    fn retry(&mut self, at: &At<'_>, retry: document::Retry) -> Option<Retry> {
        if retry.on.is_empty() {
            self.problems.push(&at.key("on"), "is empty: nothing would be tried again");
        }
        for (n, _) in retry.on.iter().enumerate().filter(|(_, outcome)| **outcome == Outcome::Success) {
            self.problems.push(&at.item("on", n), "success is not tried again");
        }
        let backoff = retry.backoff.unwrap_or(BACKOFF);
        let per_try_timeout = retry.per_try_timeout.filter(|timeout| !timeout.is_zero());
        let mut ready = Retry::new(retry.attempts, &retry.on, per_try_timeout, backoff);
        if let Some(longest) = retry.max_backoff {
            if longest < backoff {
                self.problems.push(&at.key("max_backoff"), "is less than `backoff`");
            }
            ready.max_backoff = longest;
        }
        (ready.attempts > 0).then_some(ready)
    }

    fn edits(&mut self, at: &At<'_>, edits: &FieldEdits) {
        let mut seen = HashSet::new();
        for (name, _) in &edits.set {
            self.field_name(&at.key("set").key(name), name);
            if !seen.insert(name.to_ascii_lowercase()) {
                self.problems.push(&at.key("set").key(name), "is set twice");
            }
        }
        for (name, _) in &edits.add {
            self.field_name(&at.key("add").key(name), name);
        }
        for (n, name) in edits.remove.iter().enumerate() {
            self.field_name(&at.item("remove", n), name);
        }
    }

    fn field_name(&mut self, at: &At<'_>, name: &str) {
        if name.is_empty() {
            self.problems.push(at, "a field has a name");
        }
    }
}
