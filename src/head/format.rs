//! What is the same of all heads of one protocol.

use super::{ABSENT, Head, NOT_SEEN};
use crate::key::Attribute;

/// How the heads of one protocol are read: a static table, so that a [`Head`] stays small and reads its fields lazily.
pub struct HeadFormat {
    pub(super) protocol: &'static str,
    pub(super) semantics: &'static str,
    pub(super) blank: [u32; Attribute::COUNT],
    pub(super) editable: u8,
    pub(super) next_field: NextField,
    pub(super) check_field: Option<CheckField>,
    pub(super) check_attribute: Option<CheckAttribute>,
    pub(super) forward: fn(&mut Head),
    pub(super) upgrade: fn(&Head) -> Option<&[u8]>,
    pub(super) kept_id: fn(&Head) -> Option<u64>,
    pub(super) why_unseen: fn(&Head) -> Option<&'static str>,
}

/// Reads the field at `*cursor` of a head's bytes and moves the cursor behind it; `None` behind the last one.
pub type NextField = for<'a> fn(&'a Head, bytes: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])>;

/// Says what is wrong with an attribute that someone wants to write.
pub type CheckAttribute = fn(attribute: Attribute, value: &[u8]) -> Result<(), &'static str>;

/// Says what is wrong with a field that someone wants to write.
pub type CheckField = fn(name: &[u8], value: &[u8]) -> Result<(), &'static str>;

impl HeadFormat {
    /// A format without fields and without edits, in which every attribute starts as not seen.
    ///
    /// `semantics` names what a head means apart from its bytes: codecs that share it may write each other's heads.
    pub const fn new(protocol: &'static str, semantics: &'static str) -> Self {
        Self {
            protocol,
            semantics,
            blank: [NOT_SEEN; Attribute::COUNT],
            editable: 0,
            next_field: |_, _, _| None,
            check_field: None,
            check_attribute: None,
            forward: |_| {},
            upgrade: |_| None,
            kept_id: |_| None,
            why_unseen: |_| None,
        }
    }

    /// Attributes that this protocol never carries: they start as absent.
    #[must_use]
    pub const fn without(mut self, attributes: &[Attribute]) -> Self {
        let mut n = 0;
        #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // const: a mistake does not compile
        while n < attributes.len() {
            self.blank[attributes[n] as usize] = ABSENT;
            n += 1;
        }
        self
    }

    /// Attributes that the codec can write anew.
    #[must_use]
    pub const fn editable(mut self, attributes: &[Attribute]) -> Self {
        let mut n = 0;
        #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // const: a mistake does not compile
        while n < attributes.len() {
            self.editable |= 1 << attributes[n] as u8;
            n += 1;
        }
        self
    }

    /// How fields are walked. The first cursor is what [`Head::set_fields_at`] was given.
    #[must_use]
    pub const fn with_fields(mut self, next_field: NextField) -> Self {
        self.next_field = next_field;
        self
    }

    /// Fields can be edited, if `check` allows the new one.
    #[must_use]
    pub const fn with_field_edits(mut self, check: CheckField) -> Self {
        self.check_field = Some(check);
        self
    }

    /// New attributes must pass `check`; without one they are checked as fields of their name are.
    #[must_use]
    pub const fn with_attribute_check(mut self, check: CheckAttribute) -> Self {
        self.check_attribute = Some(check);
        self
    }

    /// What an intermediary must do to a head it forwards.
    #[must_use]
    pub const fn with_forward(mut self, forward: fn(&mut Head)) -> Self {
        self.forward = forward;
        self
    }

    /// How [`Head::upgrade`] is answered.
    #[must_use]
    pub const fn with_upgrade(mut self, upgrade: fn(&Head) -> Option<&[u8]>) -> Self {
        self.upgrade = upgrade;
        self
    }

    /// How [`Head::kept_id`] is answered.
    #[must_use]
    pub const fn with_kept_id(mut self, kept_id: fn(&Head) -> Option<u64>) -> Self {
        self.kept_id = kept_id;
        self
    }

    /// How [`RoutingKey::why_unseen`](crate::RoutingKey::why_unseen) is answered.
    #[must_use]
    pub const fn with_why_unseen(mut self, why_unseen: fn(&Head) -> Option<&'static str>) -> Self {
        self.why_unseen = why_unseen;
        self
    }

    /// The protocol's name.
    pub const fn protocol(&self) -> &'static str {
        self.protocol
    }

    /// What heads of this format mean, apart from their bytes.
    pub const fn semantics(&self) -> &'static str {
        self.semantics
    }
}

impl std::fmt::Debug for HeadFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeadFormat({})", self.protocol)
    }
}
