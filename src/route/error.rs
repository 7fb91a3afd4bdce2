//! What can be wrong with a route document.

/// Everything that is wrong with a route document.
///
/// ```
/// use meshwire::RouteTable;
/// use meshwire::route::document::{Document, Route, VirtualHost};
///
/// let document = Document::new([VirtualHost::new(["a", "*b*"], [Route::default()])]);
/// let error = RouteTable::new(document).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "virtual_hosts[0].hosts[1]: a host has one `*`, first or last\n\
///      virtual_hosts[0].routes[0]: needs one of `cluster`, `weighted` and `reply`"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError {
    problems: Vec<Problem>,
}

/// How many problems are listed: whoever has more than these has the wrong file.
const MOST: usize = 100;

impl RouteError {
    /// The error that lists `problems`, of which there must be some.
    pub(super) const fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The error that lists one problem.
    #[cfg(feature = "serde")]
    pub(super) fn one(at: String, what: String) -> Self {
        Self { problems: vec![Problem { at, what }] }
    }

    /// What is wrong, in the order of the document; the first hundred.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::fmt::Display for RouteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for RouteError {}

/// One thing that is wrong with a route document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Where: `virtual_hosts[0].routes[2].match.path.regex`, or the line and column of text that is no document.
    pub at: String,
    /// What.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.at.is_empty() { f.write_str(&self.what) } else { write!(f, "{}: {}", self.at, self.what) }
    }
}

/// Problems on their way to becoming an error.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn push(&mut self, at: &At<'_>, what: impl Into<String>) {
        if !self.is_full() {
            self.0.push(Problem { at: at.to_string(), what: what.into() });
        }
    }

    /// Whether looking on would list nothing more.
    pub(super) const fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    pub(super) fn into_result(self) -> Result<(), RouteError> {
        if self.0.is_empty() { Ok(()) } else { Err(RouteError::new(self.0)) }
    }
}

/// A place in a document. Each part lives on the stack of whoever walks there and is spelled out for a problem only:
/// a document of 100,000 hosts has none.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    parent: Option<&'a Self>,
    name: &'a str,
    index: Option<usize>,
}

impl<'a> At<'a> {
    pub(super) const fn root(name: &'a str) -> Self {
        Self { parent: None, name, index: None }
    }

    pub(super) const fn nth(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }

    pub(super) const fn key(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), name, index: None }
    }

    pub(super) const fn item(&'a self, name: &'a str, index: usize) -> Self {
        self.key(name).nth(index)
    }
}

impl std::fmt::Display for At<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)?;
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}
