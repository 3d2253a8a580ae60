//! [`Probe`] and [`RecipientProbe`]: what a type is, asked where it may not be it.

use std::marker::PhantomData;

use crate::job::{Address, Addressed, Payload, RecipientKey};

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

/// `RecipientProbe(&payload).key(channel)` is the key of the payload's recipient when it has one whose type is an
/// [`Address`], and `None` otherwise: an inherent method hides that of a trait, but only where its bounds hold.
pub struct RecipientProbe<'a, P: ?Sized>(pub &'a P);

/// The answer for payloads without a recipient, or with one of another type.
pub trait NotAddressed {
    /// None.
    fn key(&self, channel: &str) -> Option<RecipientKey>;
}

impl<P: ?Sized> NotAddressed for RecipientProbe<'_, P> {
    fn key(&self, _: &str) -> Option<RecipientKey> {
        None
    }
}

impl<P> RecipientProbe<'_, P>
where
    P: Addressed,
    P::Address: Address,
{
    /// The recipient's key on `channel`.
    pub fn key(&self, channel: &str) -> Option<RecipientKey> {
        Some(self.0.recipient().key(channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Code;
    impl Payload for Code {
        const REQUIRES_EXPIRY: bool = true;
    }

    struct Number(&'static str);
    impl Address for Number {
        fn canonical(&self) -> std::borrow::Cow<'_, str> {
            self.0.into()
        }
    }

    struct To<A>(A);
    impl<A> Addressed for To<A> {
        type Address = A;

        fn recipient(&self) -> &A {
            &self.0
        }
    }

    #[test]
    fn addressed_payloads_have_a_key_and_others_none() {
        let key = RecipientKey::new("note", "12");
        assert_eq!(RecipientProbe(&To(Number("12"))).key("note"), Some(key));
        assert_eq!(RecipientProbe(&To("12")).key("note"), None);
        assert_eq!(RecipientProbe(&Code).key("note"), None);
    }

    #[test]
    fn payloads_answer_and_others_say_no() {
        const { assert!(<Probe<Code>>::REQUIRES_EXPIRY && <Probe<Option<Vec<Code>>>>::SECRET) };
        const { assert!(!<Probe<String>>::REQUIRES_EXPIRY && !<Probe<[Code]>>::SECRET) };
    }
}
