//! What a type hands to serde, as canonical JSON.

use std::fmt::Display;

use serde::ser::{self, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use super::write::{Array, NoCanonicalForm, Object, Writer};

type Written = Result<(), NoCanonicalForm>;

/// Enums with data are written in several ways unless a member tells them apart.
const UNTAGGED: NoCanonicalForm = NoCanonicalForm::NotJson("enums without a tag");
const TUPLES: NoCanonicalForm = NoCanonicalForm::NotJson("tuples");

impl ser::Error for NoCanonicalForm {
    fn custom<T: Display>(fact: T) -> Self {
        Self::Refused(fact.to_string())
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, number: $type) -> Written {
            self.integer(number);
            Ok(())
        })*
    };
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = NoCanonicalForm;
    type SerializeSeq = Array<'a>;
    type SerializeTuple = Impossible<(), NoCanonicalForm>;
    type SerializeTupleStruct = Impossible<(), NoCanonicalForm>;
    type SerializeTupleVariant = Impossible<(), NoCanonicalForm>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Impossible<(), NoCanonicalForm>;

    integers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64);
    integers!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);

    fn serialize_bool(self, value: bool) -> Written {
        self.word(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Written {
        Err(NoCanonicalForm::NotAnInteger(number.to_string()))
    }

    fn serialize_f64(self, number: f64) -> Written {
        Err(NoCanonicalForm::NotAnInteger(number.to_string()))
    }

    fn serialize_char(self, character: char) -> Written {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Written {
        self.string(text);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Written {
        Err(NoCanonicalForm::NotJson("bytes"))
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.word("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Written {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        Err(UNTAGGED)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, NoCanonicalForm> {
        Ok(self.array())
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, NoCanonicalForm> {
        Err(TUPLES)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, NoCanonicalForm> {
        Err(TUPLES)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NoCanonicalForm> {
        Err(UNTAGGED)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, NoCanonicalForm> {
        Ok(self.object())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, NoCanonicalForm> {
        Ok(self.object())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NoCanonicalForm> {
        Err(UNTAGGED)
    }
}

impl SerializeSeq for Array<'_> {
    type Ok = ();
    type Error = NoCanonicalForm;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Written {
        self.item(item)
    }

    fn end(self) -> Written {
        self.end();
        Ok(())
    }
}

impl SerializeMap for Object<'_> {
    type Ok = ();
    type Error = NoCanonicalForm;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.value(value)
    }

    fn end(self) -> Written {
        self.end();
        Ok(())
    }
}

impl SerializeStruct for Object<'_> {
    type Ok = ();
    type Error = NoCanonicalForm;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.name(name);
        self.value(value)
    }

    fn end(self) -> Written {
        self.end();
        Ok(())
    }
}
