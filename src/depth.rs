//! How much of a message the routes need to see.

use std::sync::Arc;

use crate::key::Attribute;

/// The attributes and fields that routes look at. A codec may decode more than this, never less; one that ignores it
/// is still right.
///
/// ```
/// use meshwire::{Attribute, Depth};
///
/// let depth = Depth::BOUNDARY.with(Attribute::Service).with_field("tenant");
/// assert!(depth.needs(Attribute::Service) && !depth.needs(Attribute::Method));
/// assert!(depth.needs_field(b"Tenant"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    attributes: u8,
    fields: FieldDepth,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FieldDepth {
    None,
    Named(Vec<Box<[u8]>>),
    All,
}

impl Default for Depth {
    /// [`Depth::ROUTE`].
    fn default() -> Self {
        Self::ROUTE
    }
}

impl Depth {
    /// Boundaries and ids only: the destination is known by other means.
    pub const BOUNDARY: Self = Self { attributes: 0, fields: FieldDepth::None };

    /// Authority, path, verb, service, method and version: what most route tables look at. No field and no group,
    /// which in Dubbo both lie behind the arguments.
    pub const ROUTE: Self = Self { attributes: 0b011_1111, fields: FieldDepth::None };

    /// Everything a codec can show.
    pub const ALL: Self = Self { attributes: 0b111_1111, fields: FieldDepth::All };

    /// The same depth and `attribute`.
    #[must_use]
    pub const fn with(mut self, attribute: Attribute) -> Self {
        self.attributes |= 1 << attribute as u8;
        self
    }

    /// The same depth and the field called `name` (compared without regard to ASCII case).
    #[must_use]
    pub fn with_field(mut self, name: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref().to_ascii_lowercase().into_boxed_slice();
        match &mut self.fields {
            FieldDepth::None => self.fields = FieldDepth::Named(vec![name]),
            FieldDepth::Named(names) if !names.contains(&name) => names.push(name),
            FieldDepth::Named(_) | FieldDepth::All => {}
        }
        self
    }

    /// The same depth and every field.
    #[must_use]
    pub fn with_all_fields(mut self) -> Self {
        self.fields = FieldDepth::All;
        self
    }

    /// What either depth asks for.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.attributes |= other.attributes;
        match &other.fields {
            FieldDepth::None => self,
            FieldDepth::All => self.with_all_fields(),
            FieldDepth::Named(names) => names.iter().fold(self, |depth, name| depth.with_field(name)),
        }
    }

    /// Whether `attribute` must be decoded.
    pub const fn needs(&self, attribute: Attribute) -> bool {
        self.attributes & (1 << attribute as u8) != 0
    }

    /// Whether anything at all must be decoded.
    pub const fn is_boundary(&self) -> bool {
        self.attributes == 0 && matches!(self.fields, FieldDepth::None)
    }

    /// Whether any field must be decoded.
    pub const fn needs_fields(&self) -> bool {
        !matches!(self.fields, FieldDepth::None)
    }

    /// Whether the field called `name` must be decoded.
    pub fn needs_field(&self, name: &[u8]) -> bool {
        match &self.fields {
            FieldDepth::None => false,
            FieldDepth::All => true,
            FieldDepth::Named(names) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
        }
    }

    /// The attributes asked for, in declaration order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute> + '_ {
        Attribute::ALL.into_iter().filter(|attribute| self.needs(*attribute))
    }

    /// [`Depth::ALL`], shared.
    pub fn all() -> Arc<Self> {
        Arc::new(Self::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_is_everything_but_group_and_fields() {
        for attribute in Attribute::ALL {
            assert_eq!(Depth::ROUTE.needs(attribute), attribute != Attribute::Group, "{attribute}");
            assert!(Depth::ALL.needs(attribute));
            assert!(!Depth::BOUNDARY.needs(attribute));
        }
        assert!(Depth::BOUNDARY.is_boundary() && !Depth::ROUTE.is_boundary());
    }

    #[test]
    fn union_asks_for_what_either_asks() {
        let one = Depth::BOUNDARY.with(Attribute::Group).with_field("A");
        let two = Depth::BOUNDARY.with(Attribute::Path).with_field("b");
        let both = one.clone().union(&two);
        assert!(both.needs(Attribute::Group) && both.needs(Attribute::Path));
        assert!(both.needs_field(b"a") && both.needs_field(b"B") && !both.needs_field(b"c"));
        assert!(one.union(&Depth::ALL).needs_field(b"c"));
    }
}
