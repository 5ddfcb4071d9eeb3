/**
 * JSON values: `Json.parse(text)`, `event.get("order").get("id").asString()`, `Json.object().set("ok", true)`.
 *
 * A member or an item that is not there is a value too, of kind Missing, so that reading on below it is safe; setting
 * it leaves the member out. Numbers keep the digits that they were written with: what is only passed on stays exact.
 */
import { decimalToFloat } from "./decimal"
import { JsonReader } from "./json-reader"
import { JsonWriter, numberText } from "./json-writer"

export const enum JsonKind {
  Missing,
  Null,
  Boolean,
  Number,
  String,
  Array,
  Object,
}

@final
export class Json {
  /** @internal A string's characters; a number or a boolean as it is written. */
  text: string = ""
  /** @internal */
  items: Array<Json> | null = null
  /** @internal In the order of the text; of members with one name the last counts. */
  members: Map<string, Json> | null = null

  /** @internal Use `parse`, `from`, `object`, `array`. */
  constructor(readonly kind: JsonKind) {}

  /** Text that is not JSON ends the invocation; the log says where. */
  static parse(text: string): Json {
    const reader = new JsonReader(text)
    const value = reader.read()
    if (value === null) throw new Error(reader.problem)
    return value
  }

  /** Null if the text is not JSON. */
  static tryParse(text: string): Json | null {
    return new JsonReader(text).read()
  }

  /** Of a string, a number, a boolean, an array of them, or null where the type allows it. NaN and infinities are null. */
  static from<T>(value: T): Json {
    if (isNullable<T>()) {
      if (value === null) return Json.null()
      return Json.from<NonNullable<T>>(value)
    }
    if (isString<T>()) return written(JsonKind.String, changetype<string>(value))
    if (isBoolean<T>()) return written(JsonKind.Boolean, value ? "true" : "false")
    if (isFloat<T>()) return isFinite(value) ? written(JsonKind.Number, numberText(<f64>value)) : Json.null()
    if (isInteger<T>()) return written(JsonKind.Number, value.toString())
    if (isArray<T>()) {
      const array = Json.array()
      for (let index = 0; index < value.length; index++) array.push<valueof<T>>(value[index])
      return array
    }
    if (idof<T>() == idof<Json>()) return changetype<Json>(value)
    ERROR("JSON has no such type: use string, number, boolean, Json, or an array of them")
  }

  static null(): Json {
    return new Json(JsonKind.Null)
  }

  static array(): Json {
    const value = new Json(JsonKind.Array)
    value.items = new Array<Json>()
    return value
  }

  static object(): Json {
    const value = new Json(JsonKind.Object)
    value.members = new Map<string, Json>()
    return value
  }

  get isMissing(): bool {
    return this.kind == JsonKind.Missing
  }
  get isNull(): bool {
    return this.kind == JsonKind.Null
  }
  get isBoolean(): bool {
    return this.kind == JsonKind.Boolean
  }
  get isNumber(): bool {
    return this.kind == JsonKind.Number
  }
  get isString(): bool {
    return this.kind == JsonKind.String
  }
  get isArray(): bool {
    return this.kind == JsonKind.Array
  }
  get isObject(): bool {
    return this.kind == JsonKind.Object
  }

  /** An object's member; Missing if there is none, or if this is no object. */
  get(name: string): Json {
    const members = this.members
    if (members === null || !members.has(name)) return new Json(JsonKind.Missing)
    return members.get(name)
  }

  has(name: string): bool {
    const members = this.members
    return members !== null && members.has(name)
  }

  /** Of an object: its members' names, in order. */
  get keys(): Array<string> {
    const members = this.members
    return members === null ? new Array<string>() : members.keys()
  }

  /** An array's item; Missing if there is none. */
  at(index: i32): Json {
    const items = this.items
    return items === null || index < 0 || index >= items.length ? new Json(JsonKind.Missing) : items[index]
  }

  /** How many items or members. */
  get length(): i32 {
    const items = this.items
    if (items !== null) return items.length
    const members = this.members
    return members === null ? 0 : members.size
  }

  /** Of an object: adds or replaces a member. Gives the object back, to go on. */
  set<T>(name: string, value: T): Json {
    const members = this.members
    if (members === null) throw new Error("JSON: set() needs an object, and this is " + this.kindName)
    const member = Json.from<T>(value)
    if (!member.isMissing) members.set(name, member)
    return this
  }

  delete(name: string): bool {
    const members = this.members
    return members !== null && members.delete(name)
  }

  /** Of an array: adds an item. Gives the array back, to go on. */
  push<T>(value: T): Json {
    const items = this.items
    if (items === null) throw new Error("JSON: push() needs an array, and this is " + this.kindName)
    const item = Json.from<T>(value)
    items.push(item.isMissing ? Json.null() : item)
    return this
  }

  /** The string. If this is none the invocation ends, and the log says what was found; so do the other `as…`. */
  asString(): string {
    this.expect(JsonKind.String, "a string")
    return this.text
  }
  asNumber(): f64 {
    this.expect(JsonKind.Number, "a number")
    return decimalToFloat(this.text)
  }
  /** Whole and within 64 bits, else the invocation ends. */
  asInteger(): i64 {
    this.expect(JsonKind.Number, "a number")
    return integerOf(this.text)
  }
  asBoolean(): bool {
    this.expect(JsonKind.Boolean, "a boolean")
    return this.text == "true"
  }

  /** The string, or what is given for anything else. */
  stringOr(fallback: string): string {
    return this.isString ? this.text : fallback
  }
  numberOr(fallback: f64): f64 {
    return this.isNumber ? decimalToFloat(this.text) : fallback
  }
  booleanOr(fallback: bool): bool {
    return this.isBoolean ? this.text == "true" : fallback
  }

  /** JSON text without spaces; a Missing value is `null`. */
  toString(): string {
    const writer = new JsonWriter()
    writer.write(this)
    return writer.toString()
  }

  private expect(kind: JsonKind, what: string): void {
    if (this.kind != kind) throw new Error("JSON: expected " + what + ", found " + this.kindName)
  }

  private get kindName(): string {
    switch (this.kind) {
      case JsonKind.Missing:
        return "nothing"
      case JsonKind.Null:
        return "null"
      case JsonKind.Boolean:
        return "a boolean"
      case JsonKind.Number:
        return "a number"
      case JsonKind.String:
        return "a string"
      case JsonKind.Array:
        return "an array"
      default:
        return "an object"
    }
  }
}

function written(kind: JsonKind, text: string): Json {
  const value = new Json(kind)
  value.text = text
  return value
}

/** Digits that fit are exact; `1e3` and `2.0` are whole numbers too. */
function integerOf(text: string): i64 {
  const negative = text.charCodeAt(0) == 0x2d
  let value: u64 = 0
  let index = negative ? 1 : 0
  for (; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) break
    if (value > (u64.MAX_VALUE - digit) / 10) break
    value = value * 10 + digit
  }
  if (index == text.length && value <= <u64>i64.MAX_VALUE + (negative ? 1 : 0)) return negative ? -(<i64>value) : <i64>value
  const number = decimalToFloat(text)
  // 2^63 is the first that is too large; a float has nothing between it and the largest that fits.
  if (number != Math.floor(number) || number < -9223372036854775808.0 || number >= 9223372036854775808.0 || index == text.length) {
    throw new Error("JSON: expected a whole number of 64 bits, found " + text)
  }
  return <i64>number
}
