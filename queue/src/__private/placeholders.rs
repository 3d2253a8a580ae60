//! How the compiler judges a placeholder whose type only it knows. None of this ever runs.
//!
//! An inherent method hides one of a trait, so `Shown(&value).kind()` has another type when `value` is an `Option`.

/// A value that a text shows outside any condition.
pub struct Shown<'a, T: ?Sized>(pub &'a T);

/// What `Shown` says of an `Option`.
pub struct MayBeMissing;
/// What `Shown` says of a list.
pub struct ListWithoutEach;

impl<T> Shown<'_, Option<T>> {
    /// It may be missing.
    pub fn kind(&self) -> MayBeMissing {
        MayBeMissing
    }
}

impl<T> Shown<'_, Vec<T>> {
    /// It is a list.
    pub fn kind(&self) -> ListWithoutEach {
        ListWithoutEach
    }
}

/// What `Shown` says of everything else.
pub trait AnyText {
    /// It is always a text.
    fn kind(&self) {}
}

impl<T: ?Sized> AnyText for Shown<'_, T> {}

/// What a placeholder alone may show.
#[diagnostic::on_unimplemented(
    message = "a placeholder shows a value that is no text: `{Self}`",
    note = "a value that may be missing needs `{{{{#if value}}}}…{{{{/if}}}}` around its placeholder",
    note = "a list needs `{{{{#each list as |item|}}}}…{{{{/each}}}}`"
)]
pub trait AlwaysText {}

impl AlwaysText for () {}

/// Accepts what is always a text.
pub fn is_text<K: AlwaysText>(_: K) {}

/// The value of `{{#with value as |name|}}`.
pub struct With<'a, T: ?Sized>(pub &'a T);

impl<'a, T> With<'a, Option<T>> {
    /// What is inside the option.
    pub fn value(self) -> &'a T {
        match self.0 {
            Some(value) => value,
            None => unreachable!("the placeholders of a text are checked, not run"),
        }
    }
}

/// The value itself, for everything but options.
pub trait AnyValue<'a> {
    /// The value's type.
    type Value: ?Sized;

    /// The value.
    fn value(self) -> &'a Self::Value;
}

impl<'a, T: ?Sized> AnyValue<'a> for With<'a, T> {
    type Value = T;

    fn value(self) -> &'a T {
        self.0
    }
}
