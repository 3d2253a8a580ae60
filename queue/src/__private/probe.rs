//! [`Probe`]: whether a type is a payload, asked where it may be none.

use std::marker::PhantomData;

use crate::job::Payload;

/// `<Probe<T>>::SECRET` is `T`'s own answer when `T` is a payload, and `false` otherwise: an inherent constant hides that
/// of a trait, but only where its bounds hold. `T` must be a concrete type.
pub struct Probe<T: ?Sized>(PhantomData<T>);

/// The answers for types that are no payloads.
pub trait NotAPayload {
    /// No.
    const REQUIRES_EXPIRY: bool = false;
    /// No.
    const SECRET: bool = false;
}

impl<T: ?Sized> NotAPayload for Probe<T> {}

impl<T: Payload> Probe<T> {
    /// As the payload says.
    pub const REQUIRES_EXPIRY: bool = T::REQUIRES_EXPIRY;
    /// As the payload says.
    pub const SECRET: bool = T::SECRET;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Code;
    impl Payload for Code {
        const REQUIRES_EXPIRY: bool = true;
    }

    #[test]
    fn payloads_answer_and_others_say_no() {
        const { assert!(<Probe<Code>>::REQUIRES_EXPIRY && <Probe<Option<Vec<Code>>>>::SECRET) };
        const { assert!(!<Probe<String>>::REQUIRES_EXPIRY && !<Probe<[Code]>>::SECRET) };
    }
}
