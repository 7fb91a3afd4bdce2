//! Routes: one table for every protocol, matched against the neutral [`RoutingKey`](crate::RoutingKey).
//!
//! A [`RouteTable`] is made of a [`Document`](document::Document), which is written in Rust, or in JSON (feature
//! `serde`) or YAML (feature `yaml`):
//!
//! ```
//! # #[cfg(all(feature = "yaml", feature = "regex"))] {
//! use meshwire::route::Target;
//! use meshwire::{Attribute, Key, RouteTable};
//!
//! let table = RouteTable::from_yaml(
//!     r#"
//! virtual_hosts:
//!   - hosts: ["com.example.DemoService"]
//!     routes:
//!       - match:
//!           method: sayHello
//!           version: {prefix: "2."}
//!           fields:
//!             - {name: env, regex: "gray|canary"}
//!         cluster: demo-v2
//!         timeout: 3s
//!       - weighted:
//!           - {cluster: demo-v1, weight: 90}
//!           - {cluster: demo-v2, weight: 10}
//!   - hosts: ["*"]
//!     routes:
//!       - reply: {outcome: no_route, message: "nothing serves this"}
//! "#,
//! )?;
//!
//! let key = Key::new().with(Attribute::Service, b"com.example.DemoService").with(Attribute::Method, b"sayHello");
//! let found = table.lookup(&key, 95).unwrap();
//! assert_eq!(found.target(), Target::Cluster("demo-v2"));
//!
//! // What the codecs have to decode for this table, and no more.
//! assert!(table.depth().needs(Attribute::Version) && table.depth().needs_field(b"env"));
//! assert!(!table.depth().needs(Attribute::Path) && !table.depth().needs(Attribute::Group));
//! # }
//! # Ok::<(), meshwire::route::RouteError>(())
//! ```
//!
//! # What matches
//!
//! The meaning is Envoy's, to the letter, so that documents of the Envoy family can be translated without a change in
//! what they do.
//!
//! * **Host.** The authority, else the service. Compared without regard to ASCII case; a port is part of it. An exact
//!   host comes before the longest `*.suffix`, that before the longest `prefix.*`, that before `*`. A wildcard stands
//!   for at least one character. A message without a host, or with an empty one, belongs to `*`. A virtual host that
//!   was chosen is final: if none of its routes matches, nothing does.
//! * **Routes** are tried in the order of the document, and the first match is taken. All conditions of a route must
//!   hold.
//! * **Attributes** (service, method, verb, version, group, path): a condition on one that a message does not carry
//!   does not hold. Case counts, unless the condition says `ignore_case`.
//! * **Path.** Query and fragment are removed first. A protocol without a path has `/service/method`, in which nothing
//!   is removed: nobody wrote it as a URI, and a method that contains a `?` is another method.
//! * **Fields** are named without regard to ASCII case. The values of namesakes are joined by `,`. A condition on a
//!   field that is missing does not hold, inverted or not, except `present: false` and inverted `present: true`;
//!   `treat_missing_as_empty` makes the missing field an empty one instead.
//! * **Regular expressions** (feature `regex`) match the whole value. They work on bytes: `.` is one byte and `\d`,
//!   `\w`, `\s` are ASCII, unless the expression turns Unicode on with `(?u)`. One that needs more than 256 KiB when
//!   compiled is refused.
//!
//! # What is not decoded is not guessed
//!
//! [`RouteTable::depth`] is what the codecs must decode for the table. Tables are swapped under live connections, so a
//! message may be decoded for an older one: where the answer depends on what was not decoded, [`RouteTable::lookup`]
//! says [`Miss::NotSeen`], and never that nothing matches.
//!
//! ```
//! use meshwire::route::{Miss, NotSeen, document::{Conditions, Document, Route, VirtualHost}};
//! use meshwire::{Attribute, Key, RouteTable};
//!
//! let gray = Route::to("gray").when(Conditions::default().group("gray"));
//! let table = RouteTable::new(Document::new([VirtualHost::new(["*"], [gray, Route::to("main")])]))?;
//! assert_eq!(table.lookup(&Key::unseen(), 0).unwrap_err(), Miss::NotSeen(NotSeen::Attribute(Attribute::Group)));
//! # Ok::<(), meshwire::route::RouteError>(())
//! ```

mod action;
mod condition;
pub mod document;
mod error;
mod host;
mod joined;
mod load;
mod matcher;
mod names;
#[cfg(feature = "serde")]
mod read;
mod table;

pub use self::action::{Retry, Route, Target};
pub use self::error::{Problem, RouteError};
pub use self::table::{Match, Miss, NotSeen, RouteTable, VirtualHost};
