//! A route document, and lookups in the table it makes.

use meshwire::route::document::{Conditions, Document, FieldPattern, StringMatch};
use meshwire::route::{Miss, Target};
use meshwire::{Attr, Attribute, Depth, Fields, Key, RouteTable, RoutingKey};

use crate::input::Choices;

/// Lookups in each table.
const LOOKUPS: usize = 16;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Which requests are looked up follows from the text alone.
    let seed = data.iter().fold(data.len() as u16, |seed, byte| seed.rotate_left(3) ^ u16::from(*byte));
    for loaded in [Document::from_json(text), Document::from_yaml(text)] {
        let document = match loaded {
            Ok(document) => document,
            Err(error) => {
                assert_eq!(error.problems().len(), 1, "{error}");
                continue;
            }
        };
        let words = Words::of(&document);
        match RouteTable::new(document) {
            Ok(table) => check(&table, &words, &mut Choices::new(seed)),
            Err(error) => {
                assert!(!error.problems().is_empty(), "a document is refused for nothing");
                assert!(error.problems().iter().all(|problem| !problem.at.is_empty()), "{error}");
            }
        }
    }
}

/// What the table needs is what its depth says; a key that shows less never makes it give another answer.
fn check(table: &RouteTable, words: &Words, choices: &mut Choices) {
    let depth = table.depth();
    for n in 0..LOOKUPS {
        let fields: Vec<_> = (0..choices.below(4))
            .map(|_| (pick(&words.fields, choices).as_bytes(), pick(&words.values, choices).as_bytes()))
            .collect();
        let mut key = Key::new().with_fields(&fields);
        for attribute in Attribute::ALL {
            let hosts = matches!(attribute, Attribute::Authority | Attribute::Service) && !choices.one_in(4);
            if !choices.one_in(3) {
                key = key.with(attribute, pick(if hosts { &words.hosts } else { &words.values }, choices).as_bytes());
            }
        }
        let full = answer(table, &key, n as u64);
        assert!(!matches!(full, Err(Miss::NotSeen(_))), "everything is shown, and yet: {full:?}");
        let asked = Narrow { key: &key, depth };
        assert_eq!(answer(table, &asked, n as u64), full, "what {depth:?} shows gives another answer");
        let blind = Narrow { key: &key, depth: &Depth::BOUNDARY };
        let blind = answer(table, &blind, n as u64);
        assert!(blind == full || matches!(blind, Err(Miss::NotSeen(_))), "{blind:?} while blind, else {full:?}");
    }
}

/// The virtual host and the route that were found, as names and places that can be compared, and where they lead.
type Answer<'t> = Result<(*const (), Target<'t>), Miss<'t>>;

fn answer<'t>(table: &'t RouteTable, key: &impl RoutingKey, random: u64) -> Answer<'t> {
    let found = table.lookup(key, random)?;
    Ok((std::ptr::from_ref(found.route()).cast(), found.target()))
}

fn pick<'w>(words: &'w [String], choices: &mut Choices) -> &'w str {
    if words.is_empty() { "" } else { &words[choices.below(words.len())] }
}

/// A key that shows what a depth asks for and nothing else.
struct Narrow<'k> {
    key: &'k Key<'k>,
    depth: &'k Depth,
}

impl RoutingKey for Narrow<'_> {
    fn attribute(&self, attribute: Attribute) -> Attr<'_> {
        if self.depth.needs(attribute) { self.key.attribute(attribute) } else { Attr::NotSeen }
    }

    fn fields(&self) -> Option<Fields<'_>> {
        self.depth.needs_fields().then(|| self.key.fields()).flatten()
    }
}

/// What a document speaks of: requests made of these have a chance to match.
#[derive(Default)]
struct Words {
    hosts: Vec<String>,
    fields: Vec<String>,
    values: Vec<String>,
}

impl Words {
    fn of(document: &Document) -> Self {
        let mut words = Self::default();
        for host in &document.virtual_hosts {
            words.hosts.extend(host.hosts.iter().map(|host| host.replace('*', "x.y")));
            for route in &host.routes {
                words.conditions(&route.conditions);
            }
        }
        words.values.push(String::new());
        words
    }

    fn conditions(&mut self, conditions: &Conditions) {
        let Conditions { service, method, verb, version, group, path, fields, .. } = conditions;
        for value in [service, method, verb, version, group, path].into_iter().flatten() {
            self.value(value);
        }
        for field in fields {
            self.fields.push(field.name.clone());
            if let FieldPattern::Value(value) = &field.value {
                self.value(value);
            }
        }
    }

    fn value(&mut self, value: &StringMatch) {
        let text = value.pattern.text();
        self.values.extend([text.clone(), text.to_ascii_uppercase(), format!("{text}/x"), format!("x{text}")]);
    }
}
