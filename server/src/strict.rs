//! Reads what people write more strictly than what servers say.
//!
//! A client skips fields that it does not know, so the types of the protocol do, too. In a configuration or a
//! request the same field is a slip of the pen, and is refused with the fields there are.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

type Fields = &'static [&'static str];

/// A `T` of which every struct had only fields that it knows.
#[derive(Debug)]
pub struct Strictly<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Strictly<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(Strict::of(deserializer)).map(Self)
    }
}

/// A deserializer, visitor, seed or access; whatever it hands on is wrapped as well.
struct Strict<I> {
    inner: I,
    /// What a key must be one of: given to the visitor of a struct, and from there to the keys of its map.
    fields: Option<Fields>,
}

impl<I> Strict<I> {
    fn of(inner: I) -> Self {
        Self { inner, fields: None }
    }

    fn with<J>(&self, inner: J) -> Strict<J> {
        Strict { inner, fields: self.fields }
    }
}

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.with(visitor);
            self.inner.$method($($argument,)* visitor)
        })*
    };
}

macro_rules! visit {
    ($($method:ident($type:ty)),*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

macro_rules! visit_key {
    ($($method:ident($type:ty)),*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            match self.fields {
                Some(fields) if !fields.contains(&&*value) => Err(E::unknown_field(&value, fields)),
                _ => self.inner.$method(value),
            }
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    forward! {
        deserialize_any(), deserialize_bool(), deserialize_i8(), deserialize_i16(), deserialize_i32(),
        deserialize_i64(), deserialize_u8(), deserialize_u16(), deserialize_u32(), deserialize_u64(),
        deserialize_f32(), deserialize_f64(), deserialize_char(), deserialize_str(), deserialize_string(),
        deserialize_bytes(), deserialize_byte_buf(), deserialize_option(), deserialize_unit(), deserialize_seq(),
        deserialize_map(), deserialize_identifier(), deserialize_ignored_any(),
        deserialize_unit_struct(name: &'static str), deserialize_newtype_struct(name: &'static str),
        deserialize_tuple(len: usize), deserialize_tuple_struct(name: &'static str, len: usize),
        deserialize_enum(name: &'static str, variants: Fields),
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: Fields,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_struct(name, fields, Strict { inner: visitor, fields: Some(fields) })
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    visit! { visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_char(char) }
    visit! { visit_bytes(&[u8]), visit_borrowed_bytes(&'de [u8]), visit_byte_buf(Vec<u8>) }
    visit_key! { visit_str(&str), visit_borrowed_str(&'de str), visit_string(String) }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Strict::of(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Strict::of(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Strict::of(access))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.with(access);
        self.inner.visit_map(access)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Strict::of(access))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.deserialize(deserializer)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.inner.next_element_seed(Strict::of(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let seed = self.with(seed);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(Strict::of(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Strict<A> {
    type Error = A::Error;
    type Variant = Strict<A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        self.inner.variant_seed(seed).map(|(value, variant)| (value, Strict::of(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.newtype_variant_seed(Strict::of(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, Strict::of(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: Fields, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Strict { inner: visitor, fields: Some(fields) })
    }
}

#[cfg(test)]
mod tests {
    use protocol::change::WindowSpec;
    use protocol::{Indicator, Layout};

    use super::*;

    const LAYOUT: &str = r#"{"id":"l","name":{"vi":"L"},"version":1,"read_only":false,"grid":[4,4],"panels":[
        {"id":"p","kind":"text","place":{"column":0,"row":0,"columns":1,"rows":1},"options":{"any":{"thing":1}}}]}"#;
    const WINDOW: &str = r#"{"series":{"indicator":"i","area":"51"},"span":{"last":{"secs":60}},"buckets":3}"#;

    fn refused<T: for<'de> Deserialize<'de>>(text: &str) -> Option<String> {
        assert!(serde_json::from_str::<T>(text).is_ok(), "a client skips what it does not know: {text}");
        serde_json::from_str::<Strictly<T>>(text).err().map(|error| error.to_string())
    }

    #[test]
    fn a_field_that_nobody_knows_is_refused_at_any_depth() {
        assert_eq!(refused::<Layout>(LAYOUT), None, "options of a panel are read by its kind");
        assert_eq!(refused::<WindowSpec>(WINDOW), None);
        for (known, slip) in [
            (r#""version""#, r#""verison":1,"version""#),
            (r#""vi""#, r#""fr":"L","vi""#),
            (r#""kind""#, r#""king":"text","kind""#),
            (r#""columns":1"#, r#""columns":1,"cols":1"#),
        ] {
            let error = refused::<Layout>(&LAYOUT.replacen(known, slip, 1)).unwrap();
            assert!(error.contains("unknown field `") && error.contains(", expected "), "{error}");
        }
        let error = refused::<WindowSpec>(&WINDOW.replace(r#""secs""#, r#""minutes":1,"secs""#)).unwrap();
        assert!(error.contains("unknown field `minutes`, expected `secs`"), "{error}");
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_as_before() {
        let plain = serde_json::from_str::<Indicator>("{}").unwrap_err().to_string();
        assert_eq!(serde_json::from_str::<Strictly<Indicator>>("{}").unwrap_err().to_string(), plain);
    }
}
