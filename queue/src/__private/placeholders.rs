//! How the compiler judges a placeholder whose type only it knows. None of this ever runs.
//!
//! An inherent method hides one of a trait, so `Shown(&value).kind()` has another type when `value` is an `Option`.

/// A value that a text shows outside any condition.
pub struct Shown<'a, T: ?Sized>(pub &'a T);

/// A type that a placeholder alone can't show.
pub trait NoText {
    /// Why not.
    type Reason;
}

impl<T> NoText for Option<T> {
    type Reason = OptionWithoutIf;
}

impl<T> NoText for Vec<T> {
    type Reason = ListWithoutEach;
}

/// It may be missing, and nothing would be written.
pub struct OptionWithoutIf;
/// It is a list.
pub struct ListWithoutEach;

// One inherent impl, not one for each type: where the value's own type is an error, two would be ambiguous.
impl<T: NoText> Shown<'_, T> {
    /// Why it can't be shown.
    pub fn kind(&self) -> T::Reason {
        unreachable!("the placeholders of a text are checked, not run")
    }
}

/// What `Shown` says of everything else.
pub trait AnyText {
    /// It is a text.
    fn kind(&self) {}
}

impl<T: ?Sized> AnyText for Shown<'_, T> {}

/// What a placeholder alone may show.
#[diagnostic::on_unimplemented(
    message = "a placeholder of this text shows what is no text: `{Self}`",
    label = "a placeholder in here",
    note = "a value that may be missing needs `{{{{#if value}}}}…{{{{/if}}}}` around its placeholder",
    note = "a list needs `{{{{#each list as |item|}}}}…{{{{/each}}}}`"
)]
pub trait Text {}

impl Text for () {}

/// Accepts what is a text.
pub fn is_text<K: Text>(_: K) {}

/// What a block without `{{else}}` may open.
#[diagnostic::on_unimplemented(
    message = "a block of this text opens a value that may be missing: `{Self}`",
    label = "a block in here",
    note = "say with `{{{{else}}}}` what is written then, or write `{{{{#if value}}}}…{{{{/if}}}}` around the block"
)]
pub trait Present {}

impl Present for () {}
impl Present for ListWithoutEach {}

/// Accepts what is always there.
pub fn is_present<K: Present>(_: K) {}

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
