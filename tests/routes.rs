//! The route table from outside: documents in, answers out, and a slow matcher that must agree with it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use meshwire::route::document::{
    Conditions, Document, FieldMatch, FieldPattern, Pattern, Route, StringMatch, VirtualHost,
};
use meshwire::route::{Miss, NotSeen, Target};
use meshwire::{
    Attr, Attribute, Depth, EditError, Fields, Head, HeadFormat, Key, Kind, LocalReply, Outcome, RouteTable,
    RoutingKey, StreamId,
};
use proptest::prelude::*;

/// Every key of the document, once.
const ALL: &str = r#"
virtual_hosts:
  - name: demo
    hosts: ["com.example.DemoService", "*.example.com", "com.example.*"]
    routes:
      - name: v2
        match:
          service: {prefix: com., ignore_case: true}
          method: sayHello
          path: {suffix: /sayHello}
          verb: {contains: say}
          version: "2.0.0"
          group: {exact: gray}
          fields:
            - {name: env, regex: "gray|canary"}
            - {name: x-skip, present: true, invert: true}
            - {name: tenant, exact: "", treat_missing_as_empty: true}
            - {name: token}
        cluster: a
        timeout: 3s
        retry: {attempts: 2, on: [unavailable, overloaded], per_try_timeout: 1s, backoff: 10ms, max_backoff: 0.25s}
        request_fields: {remove: [e], set: {z: b, a: b}, add: {c: d}}
        response_fields: {set: {via: meshwire}}
      - weighted: [{cluster: a, weight: 90}, {cluster: none, weight: 0}, {cluster: b, weight: 10}]
        timeout: 0s
  - hosts: ["*"]
    routes:
      - reply: {outcome: no_route, message: "no"}
"#;

const ALL_JSON: &str = r#"{"virtual_hosts": [
  {"name": "demo", "hosts": ["com.example.DemoService", "*.example.com", "com.example.*"], "routes": [
    {"name": "v2",
     "match": {"service": {"prefix": "com.", "ignore_case": true}, "method": "sayHello",
       "path": {"suffix": "/sayHello"},
       "verb": {"contains": "say"}, "version": "2.0.0", "group": {"exact": "gray"},
       "fields": [{"name": "env", "regex": "gray|canary"}, {"name": "x-skip", "present": true, "invert": true},
         {"name": "tenant", "exact": "", "treat_missing_as_empty": true}, {"name": "token"}]},
     "cluster": "a", "timeout": "3s",
     "retry": {"attempts": 2, "on": ["unavailable", "overloaded"], "per_try_timeout": "1s", "backoff": "10ms",
       "max_backoff": "0.25s"},
     "request_fields": {"remove": ["e"], "set": {"z": "b", "a": "b"}, "add": {"c": "d"}},
     "response_fields": {"set": {"via": "meshwire"}}},
    {"weighted": [{"cluster": "a", "weight": 90}, {"cluster": "none", "weight": 0}, {"cluster": "b", "weight": 10}],
     "timeout": "0s"}]},
  {"hosts": ["*"], "routes": [{"reply": {"outcome": "no_route", "message": "no"}}]}]}"#;

const FIELDS: &[(&[u8], &[u8])] = &[(b"Env", b"canary"), (b"TOKEN", b"")];

fn demo_key() -> Key<'static> {
    Key::new()
        .with(Attribute::Service, b"com.example.DemoService")
        .with(Attribute::Method, b"sayHello")
        .with(Attribute::Version, b"2.0.0")
        .with(Attribute::Group, b"gray")
        .with_fields(FIELDS)
}

#[test]
fn yaml_and_json_say_the_same() {
    assert_eq!(Document::from_yaml(ALL).unwrap(), Document::from_json(ALL_JSON).unwrap());
}

#[test]
fn a_document_says_what_becomes_of_a_request() {
    let table = RouteTable::from_yaml(ALL).unwrap();
    let found = table.lookup(&demo_key(), 0).unwrap();
    let (host, route) = (found.virtual_host(), found.route());
    assert_eq!((host.name(), route.name(), found.target()), (Some("demo"), Some("v2"), Target::Cluster("a")));
    assert_eq!(route.timeout(), Some(Duration::from_secs(3)));
    let retry = route.retry().unwrap();
    assert_eq!((retry.attempts, retry.per_try_timeout), (2, Some(Duration::from_secs(1))));
    assert_eq!((retry.backoff, retry.max_backoff), (Duration::from_millis(10), Duration::from_millis(250)));
    let retried: Vec<Outcome> = Outcome::ALL.into_iter().filter(|outcome| retry.covers(*outcome)).collect();
    assert_eq!(retried, [Outcome::Unavailable, Outcome::Overloaded]);

    let other = demo_key().with(Attribute::Group, b"blue");
    let picked: Vec<Target<'_>> =
        [0, 89, 90, 99, 100].map(|random| table.lookup(&other, random).unwrap().target()).into();
    assert_eq!(picked, ["a", "a", "b", "b", "a"].map(Target::Cluster));
    assert_eq!(table.lookup(&other, 0).unwrap().route().timeout(), None, "0s is no timeout");

    let nobody = table.lookup(&Key::new(), 0).unwrap();
    assert_eq!(nobody.target(), Target::Reply(LocalReply::new(Outcome::NoRoute, "no")));
}

#[test]
fn each_condition_counts() {
    let table = RouteTable::from_yaml(ALL).unwrap();
    let name = |key: &Key<'_>| table.lookup(key, 0).unwrap().route().name().map(str::to_owned);
    assert_eq!(name(&demo_key().with(Attribute::Authority, b"www.example.com")), Some("v2".into()));
    for (attribute, value) in [
        (Attribute::Service, "org.Demo"),
        (Attribute::Method, "sayhello"),
        (Attribute::Path, "/com.example.DemoService/other"),
        (Attribute::Verb, "POST"),
        (Attribute::Version, "2.0.1"),
        (Attribute::Group, ""),
    ] {
        let key = demo_key().with(Attribute::Authority, b"www.example.com").with(attribute, value.as_bytes());
        assert_eq!(name(&key), None, "{attribute}");
    }
    for fields in [
        &[(&b"env"[..], &b"canary"[..])][..],
        &[(b"env", b"canaries"), (b"token", b"")],
        &[(b"env", b"gray"), (b"env", b"gray"), (b"token", b"")],
        &[(b"env", b"gray"), (b"X-Skip", b""), (b"token", b"")],
        &[(b"env", b"gray"), (b"tenant", b"t"), (b"token", b"")],
    ] {
        assert_eq!(name(&demo_key().with_fields(fields)), None, "{fields:?}");
    }
}

#[test]
fn a_chosen_host_is_final() {
    let only_a = VirtualHost::new(["a"], [Route::to("a").when(Conditions::default().method("m"))]);
    let rest = VirtualHost::new(["*"], [Route::to("rest")]);
    let table = RouteTable::new(Document::new([only_a, rest])).unwrap();
    let key = Key::new().with(Attribute::Service, b"A");
    let miss = table.lookup(&key, 0).unwrap_err();
    assert_eq!(miss, Miss::NoRoute(&table.virtual_hosts()[0]));
    assert_eq!((miss.outcome(), miss.to_string().as_str()), (Outcome::NoRoute, "no route in the virtual host"));
    let key = Key::new().with(Attribute::Service, b"b");
    assert_eq!(table.lookup(&key, 0).unwrap().target(), Target::Cluster("rest"));
    assert_eq!(RouteTable::default().lookup(&key, 0).unwrap_err(), Miss::NoHost);
}

#[test]
fn depth_is_what_the_routes_look_at() {
    use Attribute::{Authority, Group, Method, Path, Service, Verb, Version};
    let depth = |host: &str, conditions: Conditions| {
        let routes = [Route::to("a").when(conditions), Route::to("b")];
        let table = RouteTable::new(Document::new([VirtualHost::new([host], routes)])).unwrap();
        Depth::clone(table.depth())
    };
    let of = |attributes: &[Attribute]| attributes.iter().fold(Depth::BOUNDARY, |depth, a| depth.with(*a));
    let none = Conditions::default;
    for (host, conditions, expected) in [
        ("*", none(), of(&[])),
        ("a", none(), of(&[Authority, Service])),
        ("*.a", none(), of(&[Authority, Service])),
        ("a.*", none(), of(&[Authority, Service])),
        ("*", none().service("s"), of(&[Service])),
        ("*", none().method("s"), of(&[Method])),
        ("*", none().version("s").group("s"), of(&[Version, Group])),
        ("*", none().verb("s"), of(&[Verb, Method])),
        ("*", none().path("s"), of(&[Path, Service, Method])),
        ("*", none().field(FieldMatch::present("A", false)), of(&[]).with_field("a")),
    ] {
        assert_eq!(depth(host, conditions.clone()), expected, "{host} {conditions:?}");
    }

    let routes = [Route::to("all"), Route::to("never").when(none().path("/"))];
    let table = RouteTable::new(Document::new([VirtualHost::new(["*"], routes)])).unwrap();
    assert!(table.depth().is_boundary(), "nothing gets past the first route");
    assert!(table.lookup(&Key::unseen(), 0).is_ok());
}

/// A message that hides its fields, and its service where it says so.
struct Hiding {
    key: Key<'static>,
    why: Option<&'static str>,
}

impl RoutingKey for Hiding {
    fn attribute(&self, attribute: Attribute) -> Attr<'_> {
        self.key.attribute(attribute)
    }

    fn fields(&self) -> Option<Fields<'_>> {
        None
    }

    fn why_unseen(&self) -> Option<&'static str> {
        self.why
    }
}

#[test]
fn what_a_message_hides_is_an_error_unless_the_document_says_otherwise() {
    let document = |unseen_fields: &str| {
        let routes = r#"[{"match": {"fields": [{"name": "env", "exact": "gray"}]}, "cluster": "gray"},
            {"match": {"group": "g"}, "cluster": "g"}, {"cluster": "rest"}]"#;
        let text = format!(r#"{{"virtual_hosts": [{{"hosts": ["s"], "routes": {routes}}}]{unseen_fields}}}"#);
        RouteTable::from_json(&text).unwrap()
    };
    let hides = Hiding { key: Key::new().with(Attribute::Service, b"s"), why: Some("too long") };
    for (text, errs) in [("", true), (r#", "unseen_fields": "error""#, true), (r#", "unseen_fields": "miss""#, false)] {
        let table = document(text);
        match table.lookup(&hides, 0) {
            Err(miss) => {
                assert!(errs, "{text}");
                assert_eq!(miss, Miss::Hidden(NotSeen::Field("env"), "too long"));
                assert_eq!(miss.outcome(), Outcome::BadRequest);
                assert_eq!(miss.to_string(), "field env was not decoded: too long");
            }
            Ok(found) => {
                assert!(!errs, "{text}");
                assert_eq!(found.target(), Target::Cluster("rest"));
            }
        }
        // What was only not asked for says nothing about the message.
        let stale = Hiding { key: Key::new().with(Attribute::Service, b"s"), why: None };
        assert_eq!(table.lookup(&stale, 0).unwrap_err(), Miss::NotSeen(NotSeen::Field("env")));
        // The host is no field.
        let hidden = Hiding { key: Key::unseen(), why: Some("kryo") };
        let miss = table.lookup(&hidden, 0).unwrap_err();
        assert_eq!(miss, Miss::Hidden(NotSeen::Attribute(Attribute::Authority), "kryo"));
    }
    assert!(RouteTable::from_json(r#"{"virtual_hosts": [], "unseen_fields": "pass"}"#).is_err());
}

#[test]
fn what_was_not_decoded_is_named() {
    let none = Conditions::default;
    let conditions =
        [none().version("1"), none().verb("GET"), none().path("/"), none().field(FieldMatch::new("Env", "a"))];
    for (conditions, expected) in conditions.into_iter().zip([
        NotSeen::Attribute(Attribute::Version),
        NotSeen::Attribute(Attribute::Verb),
        NotSeen::Attribute(Attribute::Path),
        NotSeen::Field("Env"),
    ]) {
        let routes = [Route::to("a").when(conditions), Route::to("b")];
        let table = RouteTable::new(Document::new([VirtualHost::new(["*"], routes)])).unwrap();
        let miss = table.lookup(&Key::unseen(), 0).unwrap_err();
        assert_eq!((miss, miss.outcome()), (Miss::NotSeen(expected), Outcome::Unavailable));
    }

    // What another condition rules out does not have to be seen.
    let conditions = none().version("1").service("s");
    let routes = [Route::to("a").when(conditions), Route::to("b")];
    let table = RouteTable::new(Document::new([VirtualHost::new(["*"], routes)])).unwrap();
    let key = Key::unseen().with(Attribute::Service, b"t");
    assert_eq!(table.lookup(&key, 0).unwrap().target(), Target::Cluster("b"));

    let table = RouteTable::new(Document::new([VirtualHost::new(["a"], [Route::to("a")])])).unwrap();
    let miss = table.lookup(&Key::unseen(), 0).unwrap_err();
    assert_eq!(miss.to_string(), "authority was not decoded");
}

#[test]
fn fields_are_edited_in_envoys_order() {
    static FORMAT: HeadFormat =
        HeadFormat::new("test", "test").with_fields(|_, _, _| None).with_field_edits(|name, _| match name {
            b"bad" => Err("a bad field"),
            _ => Ok(()),
        });
    let edited = |edits: &str| -> Result<String, EditError> {
        let text = format!(r#"{{"virtual_hosts": [{{"hosts": ["*"], "routes": [{{"cluster": "a", {edits}}}]}}]}}"#);
        let table = RouteTable::from_json(&text).unwrap();
        let mut head = Head::new(&FORMAT, Kind::Request, StreamId::NEW, Vec::new().into());
        head.set_fields_at(0);
        let found = table.lookup(&head, 0).unwrap();
        found.route().apply_request(&mut head)?;
        found.route().apply_response(&mut head)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ok(head.fields().unwrap().map(|(name, value)| format!("{}={};", text(name), text(value))).collect())
    };
    let fields = |fields: &str| edited(&format!(r#""request_fields": {{{fields}}}"#));
    assert_eq!(
        fields(r#""add": {"a": "2"}, "set": {"z": "0", "a": "1"}, "remove": ["a", "z"]"#).unwrap(),
        "z=0;a=1;a=2;"
    );
    assert_eq!(edited(r#""response_fields": {"set": {"via": "m"}}"#).unwrap(), "via=m;");
    assert_eq!(edited(r#""timeout": "1s""#).unwrap(), "");
    assert_eq!(fields(r#""add": {"bad": "2"}"#).unwrap_err().to_string(), "test has no place for a bad field");
}

#[test]
fn all_that_is_wrong_is_reported_with_its_place() {
    let error = RouteTable::from_yaml(
        r#"
virtual_hosts:
  - hosts: []
    routes: [{}]
  - hosts: ["*", "a*b", A.b, ""]
    routes:
      - match:
          service: {prefix: ""}
          path: {regex: "a("}
          fields:
            - {name: a, regex: "[", invert: true}
            - {name: ""}
        cluster: a
        weighted: [{cluster: "", weight: 0}]
      - reply: {outcome: denied}
        timeout: 1s
        retry: {on: [success], backoff: 2s, max_backoff: 1s}
        request_fields: {remove: [""]}
      - weighted: [{cluster: a, weight: 4294967295}, {cluster: "", weight: 1}]
        retry: {}
      - weighted: [{cluster: a, weight: 0}]
        request_fields: {set: {a: b, A: c}, add: {"": d}}
      - cluster: ""
  - hosts: [a.B, "*"]
"#,
    )
    .unwrap_err();
    let expected = [
        "virtual_hosts[0].hosts: is empty: nothing can come here",
        "virtual_hosts[1].hosts[1]: a host has one `*`, first or last",
        "virtual_hosts[1].hosts[3]: is empty",
        "virtual_hosts[2].hosts[0]: \"a.B\" is taken by virtual_hosts[1].hosts[2]",
        "virtual_hosts[2].hosts[1]: \"*\" is taken by virtual_hosts[1].hosts[0]",
        "virtual_hosts[0].routes[0]: needs one of `cluster`, `weighted` and `reply`",
        "virtual_hosts[1].routes[0].match.service.prefix: is empty: every value matches",
        "virtual_hosts[1].routes[0].match.path.regex: unclosed group",
        "virtual_hosts[1].routes[0].match.fields[0].regex: unclosed character class",
        "virtual_hosts[1].routes[0].match.fields[1].name: a field has a name",
        "virtual_hosts[1].routes[0]: has more than one of `cluster`, `weighted` and `reply`",
        "virtual_hosts[1].routes[1].timeout: does nothing where the proxy replies",
        "virtual_hosts[1].routes[1].retry: does nothing where the proxy replies",
        "virtual_hosts[1].routes[1].request_fields: does nothing where the proxy replies",
        "virtual_hosts[1].routes[1].retry.on[0]: success is not tried again",
        "virtual_hosts[1].routes[1].retry.max_backoff: is less than `backoff`",
        "virtual_hosts[1].routes[1].request_fields.remove[0]: a field has a name",
        "virtual_hosts[1].routes[2].retry.on: is empty: nothing would be tried again",
        "virtual_hosts[1].routes[2].weighted[1].cluster: is empty",
        "virtual_hosts[1].routes[2].weighted: the weights add up to more than 4294967295",
        "virtual_hosts[1].routes[3].request_fields.set.A: is set twice",
        "virtual_hosts[1].routes[3].request_fields.add.: a field has a name",
        "virtual_hosts[1].routes[3].weighted: all weights are zero",
        "virtual_hosts[1].routes[4].cluster: is empty",
    ];
    let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems, expected);
    assert_eq!(error.to_string(), expected.join("\n"));

    let nothing = VirtualHost::new([""], [Route::default()]);
    let error = RouteTable::new(Document::new(vec![nothing; 1000])).unwrap_err();
    assert_eq!(error.problems().len(), 100, "the list is bounded");
}

#[test]
fn text_that_is_no_document_is_refused_with_its_place() {
    let route = |route: &str| format!("virtual_hosts:\n- hosts: ['*']\n  routes:\n  - {route}\n");
    for (text, at, what) in [
        (route("{clutser: a}"), "line 4 column 6", "unknown field `clutser`"),
        (
            route("{match: {version: 2.0}, cluster: a}"),
            "line 4 column 14: invalid type: floating point `2.0`",
            "a number needs quotes",
        ),
        (route("{match: {version: {}}, cluster: a}"), "line 4", "`exact`"),
        (route("{match: {path: {exact: a, prefix: b}}}"), "line 4", "`exact` and `prefix` exclude each other"),
        (route("{match: {fields: [{name: a, present: true, exact: b}]}}"), "line 4", "exclude each other"),
        (route("{match: {fields: [{name: a, ignore_case: true}]}}"), "line 4", "`ignore_case` needs a pattern"),
        (route("{match: {fields: [{exact: a}]}}"), "line 4", "missing field `name`"),
        (route("{timeout: 3}"), "line 4", "a duration like"),
        (route("{timeout: 3 parsecs}"), "line 4", "a duration like"),
        (route("{reply: {outcome: bad}}"), "line 4", "expected one of success, exception"),
        (route("{retry: {on: [5xx]}}"), "line 4", "unknown outcome \"5xx\""),
        (route("{request_fields: {set: [a]}}"), "line 4", "expected mapping"),
        ("virtual_hosts: [".to_owned(), "line", ""),
    ] {
        let error = RouteTable::from_yaml(&text).unwrap_err();
        let problem = &error.problems()[0];
        assert!(problem.to_string().starts_with(at) && problem.what.contains(what), "{text}: {problem}");
        assert!(!problem.what.contains('\n') && !problem.what.contains(" at line"), "{problem}");
    }
    let error = RouteTable::from_json("{\"virtual_hosts\": [\n  {\"host\": []}]}").unwrap_err();
    assert!(error.to_string().starts_with("line 2 column 9: unknown field `host`, expected one of"), "{error}");
    assert!(RouteTable::from_json(&"[".repeat(100_000)).is_err());
    assert!(RouteTable::from_yaml(&"[".repeat(100_000)).is_err());
}

#[test]
fn a_large_document_is_no_attack() {
    let mut text = String::from("virtual_hosts:\n");
    for n in 0..40_000 {
        text.push_str(&format!("- {{hosts: [s{n}], routes: [{{cluster: c{n}}}]}}\n"));
    }
    let table = RouteTable::from_yaml(&text).unwrap();
    let found = table.lookup(&Key::new().with(Attribute::Service, b"S39999"), 0).unwrap();
    assert_eq!(found.target(), Target::Cluster("c39999"));
}

/// A message, and how much of it a codec shows.
#[derive(Clone, Debug)]
struct Message {
    attributes: Vec<Option<String>>,
    fields: Vec<(String, String)>,
}

struct Shown<'a> {
    attributes: Vec<Attr<'a>>,
    fields: Option<Vec<(&'a [u8], &'a [u8])>>,
}

impl Message {
    /// As a codec shows it that decodes `depth` and nothing else.
    fn at(&self, depth: &Depth) -> Shown<'_> {
        let attributes = Attribute::ALL.into_iter().zip(&self.attributes).map(|(attribute, value)| match value {
            _ if !depth.needs(attribute) => Attr::NotSeen,
            Some(value) => Attr::Value(value.as_bytes()),
            None => Attr::Absent,
        });
        let fields = self.fields.iter().filter(|(name, _)| depth.needs_field(name.as_bytes()));
        let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        Shown { attributes: attributes.collect(), fields: depth.needs_fields().then(|| fields.collect()) }
    }

    fn get(&self, attribute: Attribute) -> Option<&str> {
        self.attributes[attribute as usize].as_deref()
    }
}

impl RoutingKey for Shown<'_> {
    fn attribute(&self, attribute: Attribute) -> Attr<'_> {
        self.attributes[attribute as usize]
    }

    fn fields(&self) -> Option<Fields<'_>> {
        self.fields.as_deref().map(Fields::from_pairs)
    }
}

/// The rules as they are written down, and nothing clever: the place of virtual host and route in the document.
fn slowly(document: &Document, message: &Message) -> Result<(usize, usize), Option<usize>> {
    let host = message.get(Attribute::Authority).or(message.get(Attribute::Service)).unwrap_or_default();
    let host = host.to_ascii_lowercase();
    let rank = |pattern: &str| -> Option<(u8, usize)> {
        let pattern = pattern.to_ascii_lowercase();
        if pattern == "*" {
            Some((0, 0))
        } else if let Some(suffix) = pattern.strip_prefix('*') {
            (host.len() > suffix.len() && host.ends_with(suffix)).then_some((2, suffix.len()))
        } else if let Some(prefix) = pattern.strip_suffix('*') {
            (host.len() > prefix.len() && host.starts_with(prefix)).then_some((1, prefix.len()))
        } else {
            (host == pattern).then_some((3, 0))
        }
    };
    let ranked = document.virtual_hosts.iter().enumerate().flat_map(|(n, virtual_host)| {
        virtual_host.hosts.iter().filter_map(move |pattern| rank(pattern).map(|rank| (rank, n)))
    });
    let (_, host) = ranked.max().ok_or(None)?;
    let routes = &document.virtual_hosts[host].routes;
    let route = routes.iter().position(|route| holds_slowly(&route.conditions, message));
    Ok((host, route.ok_or(Some(host))?))
}

fn holds_slowly(conditions: &Conditions, message: &Message) -> bool {
    let get = |attribute| message.get(attribute).map(str::to_owned);
    let joined =
        get(Attribute::Service).zip(get(Attribute::Method)).map(|(service, method)| format!("/{service}/{method}"));
    let path = get(Attribute::Path).map(|path| path.split(['?', '#']).next().unwrap().to_owned()).or(joined);
    let attributes = [
        (&conditions.service, get(Attribute::Service)),
        (&conditions.method, get(Attribute::Method)),
        (&conditions.verb, get(Attribute::Verb).or(get(Attribute::Method))),
        (&conditions.version, get(Attribute::Version)),
        (&conditions.group, get(Attribute::Group)),
        (&conditions.path, path),
    ];
    attributes.iter().all(|(wanted, value)| match (wanted, value) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wanted), Some(value)) => matches_slowly(wanted, value),
    }) && conditions.fields.iter().all(|field| field_slowly(field, message))
}

fn field_slowly(wanted: &FieldMatch, message: &Message) -> bool {
    let values: Vec<&str> = message
        .fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(&wanted.name))
        .map(|(_, value)| value.as_str())
        .collect();
    if values.is_empty() && !wanted.treat_missing_as_empty {
        return match wanted.value {
            FieldPattern::Present(present) => present == wanted.invert,
            _ => false,
        };
    }
    let holds = match &wanted.value {
        FieldPattern::Present(present) => *present,
        FieldPattern::Value(pattern) => matches_slowly(pattern, &values.join(",")),
        _ => panic!("what is {wanted:?}?"),
    };
    holds != wanted.invert
}

type Plainly = fn(&str) -> bool;

/// Expressions whose meaning is plain.
const REGEXES: [(&str, Plainly); 4] = [
    ("a|ab", |value| value == "a" || value == "ab"),
    (".*b", |value| value.ends_with('b')),
    ("[a/]*", |value| value.chars().all(|c| c == 'a' || c == '/')),
    ("(?i)A.?", |value| value.len() < 3 && (value.starts_with(['a', 'A']))),
];

fn matches_slowly(wanted: &StringMatch, value: &str) -> bool {
    let fold = |text: &str| if wanted.ignore_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let (text, value) = (fold(wanted.pattern.text()), fold(value));
    match &wanted.pattern {
        Pattern::Exact(_) => value == text,
        Pattern::Prefix(_) => value.starts_with(&text),
        Pattern::Suffix(_) => value.ends_with(&text),
        Pattern::Contains(_) => value.contains(&text),
        Pattern::Regex(_) => REGEXES.iter().find(|(regex, _)| *regex == text).unwrap().1(&value),
        other => panic!("what is {other:?}?"),
    }
}

/// Few letters, so that things match.
fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let letters = prop::sample::select(vec!['a', 'a', 'A', 'b', '/', ',', '?', '#']);
    prop::collection::vec(letters, length).prop_map(String::from_iter)
}

fn string_match() -> impl Strategy<Value = StringMatch> {
    prop_oneof![
        (text(0..4), any::<bool>()).prop_map(|(text, fold)| folded(StringMatch::exact(text), fold)),
        (text(1..4), any::<bool>()).prop_map(|(text, fold)| folded(StringMatch::prefix(text), fold)),
        (text(1..4), any::<bool>()).prop_map(|(text, fold)| folded(StringMatch::suffix(text), fold)),
        (text(1..4), any::<bool>()).prop_map(|(text, fold)| folded(StringMatch::contains(text), fold)),
        prop::sample::select(&REGEXES[..]).prop_map(|(regex, _)| StringMatch::regex(regex)),
    ]
}

fn folded(wanted: StringMatch, fold: bool) -> StringMatch {
    if fold { wanted.ignoring_case() } else { wanted }
}

fn field_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["env", "Env", "tenant", "x"]).prop_map(str::to_owned)
}

fn field_match() -> impl Strategy<Value = FieldMatch> {
    let value =
        prop_oneof![string_match().prop_map(FieldPattern::Value), any::<bool>().prop_map(FieldPattern::Present),];
    (field_name(), value, any::<bool>(), any::<bool>()).prop_map(|(name, value, invert, treat_missing_as_empty)| {
        let mut field = FieldMatch::present(name, true);
        (field.value, field.invert, field.treat_missing_as_empty) = (value, invert, treat_missing_as_empty);
        field
    })
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let attributes = prop::array::uniform6(prop::option::weighted(0.25, string_match()));
    let fields = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(field_match(), 1..3)];
    (attributes, fields).prop_map(|([service, method, verb, version, group, path], fields)| {
        let mut conditions = Conditions::default();
        (conditions.service, conditions.method, conditions.verb) = (service, method, verb);
        (conditions.version, conditions.group, conditions.path) = (version, group, path);
        conditions.fields = fields;
        conditions
    })
}

fn document() -> impl Strategy<Value = Document> {
    let host = prop_oneof![
        2 => text(1..4),
        2 => text(1..3).prop_map(|text| format!("*{text}")),
        2 => text(1..3).prop_map(|text| format!("{text}*")),
        1 => Just("*".to_owned()),
    ];
    let routes = prop::collection::vec(conditions().prop_map(|conditions| Route::to("c").when(conditions)), 0..4);
    let virtual_host = (prop::collection::vec(host, 1..4), routes);
    prop::collection::vec(virtual_host, 0..5).prop_map(|virtual_hosts| {
        let mut seen = std::collections::HashSet::new();
        let virtual_hosts = virtual_hosts.into_iter().map(|(mut hosts, routes)| {
            hosts.retain(|host| seen.insert(host.to_ascii_lowercase()));
            VirtualHost::new(hosts, routes)
        });
        Document::new(virtual_hosts.filter(|virtual_host| !virtual_host.hosts.is_empty()))
    })
}

fn message() -> impl Strategy<Value = Message> {
    let attributes = prop::collection::vec(prop::option::weighted(0.7, text(0..4)), Attribute::ALL.len());
    let fields = prop::collection::vec((field_name(), text(0..3)), 0..4);
    (attributes, fields).prop_map(|(attributes, fields)| Message { attributes, fields })
}

fn depth() -> impl Strategy<Value = Depth> {
    let attributes = prop::collection::vec(any::<bool>(), Attribute::ALL.len());
    (attributes, any::<bool>()).prop_map(|(attributes, fields)| {
        let seen = Attribute::ALL.into_iter().zip(attributes).filter(|(_, is_seen)| *is_seen);
        let depth = seen.fold(Depth::BOUNDARY, |depth, (attribute, _)| depth.with(attribute));
        if fields { depth.with_all_fields() } else { depth }
    })
}

/// The answer, as places in the document; `Err(Err(..))` is what was not seen.
type Answer<'t> = Result<(usize, usize), Result<Option<usize>, NotSeen<'t>>>;

fn ask<'t>(table: &'t RouteTable, key: &dyn RoutingKey) -> Answer<'t> {
    let host = |host| table.virtual_hosts().iter().position(|other| std::ptr::eq(other, host)).unwrap();
    match table.lookup(key, 0) {
        Ok(found) => {
            let mut routes = found.virtual_host().routes();
            let route = routes.position(|route| std::ptr::eq(route, found.route())).unwrap();
            Ok((host(found.virtual_host()), route))
        }
        Err(Miss::NoHost) => Err(Ok(None)),
        Err(Miss::NoRoute(virtual_host)) => Err(Ok(Some(host(virtual_host)))),
        Err(Miss::NotSeen(what) | Miss::Hidden(what, _)) => Err(Err(what)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_table_agrees_with_the_slow_matcher(document in document(), messages in prop::collection::vec(message(), 8)) {
        let table = RouteTable::new(document.clone()).unwrap();
        for message in messages {
            let expected = slowly(&document, &message).map_err(Ok);
            prop_assert_eq!(ask(&table, &message.at(&Depth::ALL)), expected, "{:?}", message);
            prop_assert_eq!(ask(&table, &message.at(table.depth())), expected, "{:?} at {:?}", message, table.depth());
        }
    }

    /// What a shallow key says is right or "not seen"; and showing what is missed, one by one, ends in the answer.
    #[test]
    fn a_shallow_key_never_says_wrong(document in document(), message in message(), mut shown in depth()) {
        let table = RouteTable::new(document).unwrap();
        let expected = ask(&table, &message.at(&Depth::ALL));
        loop {
            match ask(&table, &message.at(&shown)) {
                Err(Err(NotSeen::Attribute(attribute))) => {
                    prop_assert!(table.depth().needs(attribute) && !shown.needs(attribute), "{}", attribute);
                    shown = shown.with(attribute);
                }
                Err(Err(NotSeen::Field(name))) => {
                    prop_assert!(table.depth().needs_field(name.as_bytes()) && !shown.needs_fields(), "{}", name);
                    shown = shown.with_all_fields();
                }
                Err(Err(what)) => prop_assert!(false, "what is {}?", what),
                answer => {
                    prop_assert_eq!(answer, expected);
                    break;
                }
            }
        }
    }

    #[test]
    fn arbitrary_text_is_refused_or_loaded(text in any::<String>()) {
        drop(RouteTable::from_json(&text));
        drop(RouteTable::from_yaml(&text));
    }

    #[test]
    fn mutated_documents_are_refused_or_loaded(at in 0..ALL_JSON.len(), with in 0..128_u8, cut in any::<bool>()) {
        let mut bytes = ALL_JSON.as_bytes().to_vec();
        if cut { bytes.remove(at); } else { bytes[at] = with; }
        drop(RouteTable::from_json(std::str::from_utf8(&bytes).unwrap()));
    }
}
