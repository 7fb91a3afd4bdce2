//! The configuration of the sidecar.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use meshwire::route::document::{self, Document};
use meshwire::{Limits, Protocol, Registry, RouteTable};
use meshwire_http2::ReplyAs;
use serde::Deserialize;

use crate::connection::Destination;
use crate::splice::Pin;

/// What stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) routes: Document,
    pub(crate) clusters: Vec<Cluster>,
    #[serde(default)]
    pub(crate) access_log: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) address: String,
    #[serde(default)]
    pub(crate) protocol: Names,
    #[serde(default = "default_detect_timeout")]
    pub(crate) detect_timeout_ms: u64,
    /// Whether HTTP/1.1 may become HTTP/2 by `Upgrade: h2c`.
    #[serde(default)]
    pub(crate) h2c: bool,
    /// What Dubbo requests are for whose serialization hides it.
    #[serde(default)]
    pub(crate) dubbo_service: Option<String>,
    /// The cluster that every connection is joined to, frame by frame.
    #[serde(default)]
    pub(crate) splice: Option<String>,
    #[serde(default)]
    pub(crate) limits: Limits,
}

const fn default_detect_timeout() -> u64 {
    10_000
}

/// `auto`, a name, or a list of names.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Names {
    One(String),
    Some(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Self::One("auto".to_owned())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) address: String,
    /// Without one, that of the client.
    #[serde(default)]
    pub(crate) protocol: Option<String>,
    #[serde(default = "default_heartbeat")]
    pub(crate) heartbeat_ms: u64,
}

const fn default_heartbeat() -> u64 {
    20_000
}

/// The same, checked and ready to use.
pub(crate) struct Plan {
    pub(crate) listeners: Vec<Bind>,
    pub(crate) table: Arc<RouteTable>,
    pub(crate) clusters: Arc<HashMap<String, Destination>>,
    pub(crate) access_log: bool,
}

pub(crate) struct Bind {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) registry: Arc<Registry>,
    /// Set where there is nothing to detect.
    pub(crate) pinned: Option<Arc<dyn Protocol>>,
    pub(crate) detect_timeout: Duration,
    pub(crate) splice: Option<Pin>,
    pub(crate) limits: Arc<Limits>,
}

/// Reads and checks the file; the error has a line for each problem.
pub(crate) fn load(path: &Path, all: &Registry) -> Result<Plan, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let config: Config = serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    plan(config, all).map_err(|problems| problems.join("\n"))
}

pub(crate) fn plan(config: Config, all: &Registry) -> Result<Plan, Vec<String>> {
    let mut problems = Vec::new();
    let used = clusters_of(&config.routes);
    let table = match RouteTable::new(config.routes) {
        Ok(table) => table,
        Err(error) => {
            problems.extend(error.problems().iter().map(|problem| format!("routes.{problem}")));
            RouteTable::default()
        }
    };
    let mut clusters = HashMap::new();
    for (n, cluster) in config.clusters.into_iter().enumerate() {
        let protocol = cluster.protocol.as_deref().map(|name| named(all, name)).transpose();
        let protocol = protocol.unwrap_or_else(|error| {
            problems.push(format!("clusters[{n}].protocol: {error}"));
            None
        });
        match cluster.address.parse() {
            Ok(address) => {
                let heartbeat = (cluster.heartbeat_ms > 0).then(|| Duration::from_millis(cluster.heartbeat_ms));
                if clusters.insert(cluster.name.clone(), Destination { address, protocol, heartbeat }).is_some() {
                    problems.push(format!("clusters[{n}].name: there are two clusters {:?}", cluster.name));
                }
            }
            Err(error) => problems.push(format!("clusters[{n}].address: {error}")),
        }
    }
    for (name, at) in used {
        if !clusters.contains_key(&name) {
            problems.push(format!("{at}: there is no cluster {name:?}"));
        }
    }
    let mut names = BTreeSet::new();
    let mut listeners = Vec::new();
    for (n, listener) in config.listeners.into_iter().enumerate() {
        if !names.insert(listener.name.clone()) {
            problems.push(format!("listeners[{n}].name: there are two listeners {:?}", listener.name));
        }
        if let Some(cluster) = listener.splice.as_ref().filter(|name| !clusters.contains_key(*name)) {
            problems.push(format!("listeners[{n}].splice: there is no cluster {cluster:?}"));
        }
        match bind(listener, all) {
            Ok(bind) if bind.splice.is_some() => listeners.push(bind),
            Ok(bind) => {
                for protocol in bind.registry.protocols() {
                    if let Err(error) = protocol.check_depth(table.depth()) {
                        problems.push(format!("listeners[{n}]: the routes cannot be served: {error}"));
                    }
                }
                listeners.push(bind);
            }
            Err(error) => problems.push(format!("listeners[{n}].protocol: {error}")),
        }
    }
    if listeners.is_empty() && problems.is_empty() {
        problems.push("listeners: there is none".to_owned());
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Plan { listeners, table: Arc::new(table), clusters: Arc::new(clusters), access_log: config.access_log })
}

fn bind(listener: Listener, all: &Registry) -> Result<Bind, String> {
    let names = match listener.protocol {
        Names::One(name) if name == "auto" => all.protocols().iter().map(|p| p.name().to_owned()).collect(),
        Names::One(name) => vec![name],
        Names::Some(names) => names,
    };
    let mut builder = Registry::builder();
    let mut chosen: Vec<Arc<dyn Protocol>> = Vec::new();
    for name in &names {
        let mut protocol = named(all, name)?;
        if listener.h2c && protocol.name() == "http1" {
            protocol = Arc::new(meshwire_http1::Http1::default().h2c(true));
        }
        if let Some(service) = listener.dubbo_service.as_deref().filter(|_| protocol.name() == "dubbo") {
            protocol = Arc::new(meshwire_dubbo::Dubbo::new().with_default_service(service));
        }
        builder = builder.with_shared(Arc::clone(&protocol));
        chosen.push(protocol);
    }
    if chosen.is_empty() {
        return Err("name a protocol, or auto".to_owned());
    }
    let splice = match (listener.splice, names.as_slice()) {
        (None, _) => None,
        (Some(cluster), [name]) if chosen.iter().all(|protocol| protocol.name() == "http2") => {
            let reply = if name.starts_with("grpc") { ReplyAs::Grpc } else { ReplyAs::Http };
            Some(Pin { cluster, reply })
        }
        (Some(_), _) => return Err("a splice takes http2, or grpc, and nothing else".to_owned()),
    };
    let pinned = if let [one] = chosen.as_slice() { Some(Arc::clone(one)) } else { None };
    let registry = Arc::new(builder.build().map_err(|error| error.to_string())?);
    Ok(Bind {
        name: listener.name,
        address: listener.address,
        registry,
        pinned,
        detect_timeout: Duration::from_millis(listener.detect_timeout_ms),
        splice,
        limits: Arc::new(listener.limits),
    })
}

fn named(all: &Registry, name: &str) -> Result<Arc<dyn Protocol>, String> {
    let known = || all.protocols().iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
    all.by_port(name).map(Arc::clone).ok_or_else(|| format!("no protocol {name:?}: there is {}", known()))
}

/// Every cluster that a route names, and where first.
fn clusters_of(document: &Document) -> BTreeMap<String, String> {
    let mut used = BTreeMap::new();
    for (h, host) in document.virtual_hosts.iter().enumerate() {
        for (r, route) in host.routes.iter().enumerate() {
            let at = format!("routes.virtual_hosts[{h}].routes[{r}]");
            for cluster in names_of(route) {
                used.entry(cluster).or_insert_with(|| at.clone());
            }
        }
    }
    used
}

fn names_of(route: &document::Route) -> Vec<String> {
    let weighted = route.weighted.iter().map(|choice| choice.cluster.clone());
    route.cluster.iter().cloned().chain(weighted).collect()
}
