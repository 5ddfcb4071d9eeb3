/**
 * The nearest double of a decimal number, ties to even. The compiler's own `parseFloat` is off by ulps, now and then by
 * powers of ten. After Go's strconv/decimal.go: a decimal is shifted by powers of two until its integer part is the
 * significand. Only numbers of more digits than a double keeps exactly take that road.
 */

/** Nothing between two doubles has more digits than this before it is decided; the rest counts as "more than". */
const maxDigits: i32 = 800
/** The most that one pass shifts by: a digit and its carry stay within 64 bits. */
const maxShift: i32 = 59

/** `text` is a number as JSON has it. Too large is Infinity. */
export function decimalToFloat(text: string): f64 {
  const negative = text.charCodeAt(0) == 0x2d
  const magnitude = fast(text, negative ? 1 : 0)
  const value = magnitude >= 0 ? magnitude : new Decimal(text, negative ? 1 : 0).toFloat()
  return negative ? -value : value
}

/** Exact where the significand and the power of ten both are (Clinger 1990); -1 if not. */
function fast(text: string, start: i32): f64 {
  let significand: u64 = 0
  let exponent = 0
  let behindPoint = false
  let at = start
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code == 0x2e) behindPoint = true
    else if ((code | 0x20) == 0x65) break
    else {
      significand = significand * 10 + (code - 0x30)
      if (significand > 9007199254740992) return -1
      if (behindPoint) exponent--
    }
  }
  exponent += exponentOf(text, at)
  if (exponent == 0) return <f64>significand
  if (exponent < -22 || exponent > 22) return -1
  let power: f64 = 1
  for (let index = abs(exponent); index > 0; index--) power *= 10
  return exponent < 0 ? <f64>significand / power : <f64>significand * power
}

/** Of the text from its `e` on; 0 if there is none. Beyond ±100,000 all are alike. */
function exponentOf(text: string, at: i32): i32 {
  if (at >= text.length) return 0
  const sign = text.charCodeAt(at + 1)
  let exponent = 0
  for (let index = at + (sign == 0x2b || sign == 0x2d ? 2 : 1); index < text.length; index++) {
    exponent = min(exponent * 10 + text.charCodeAt(index) - 0x30, 100_000)
  }
  return sign == 0x2d ? -exponent : exponent
}

/** 0.d1d2d3… × 10^point. */
@final
class Decimal {
  /** Room in front for what a shift carries over: 59 bits are 18 digits. */
  private digits: StaticArray<u8> = new StaticArray<u8>(maxDigits + 20)
  private count: i32 = 0
  private point: i32 = 0
  /** Digits other than 0 were cut off. */
  private more: bool = false

  constructor(text: string, at: i32) {
    let behindPoint = false
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code == 0x2e) behindPoint = true
      else if ((code | 0x20) == 0x65) break
      else {
        if (!behindPoint && (this.count > 0 || code != 0x30)) this.point++
        if (behindPoint && this.count == 0 && code == 0x30) this.point--
        if (this.count > 0 || code != 0x30) this.push(<u8>(code - 0x30))
      }
    }
    this.point += exponentOf(text, at)
    this.trim()
  }

  toFloat(): f64 {
    // Half of the least double there is, and the first that is too large, have points -323 and 309.
    if (this.count == 0 || this.point < -330) return 0
    if (this.point > 310) return Infinity
    let exponent = 0
    while (this.point > 0) {
      const bits = this.point >= 18 ? maxShift : max(1, this.point * 3)
      this.shiftRight(bits)
      exponent += bits
    }
    while (this.point < 0 || this.digits[0] < 5) {
      const bits = this.point <= -18 ? maxShift : max(1, -this.point * 3)
      this.shiftLeft(bits)
      exponent -= bits
    }
    // From [0.5, 1) to [1, 2), then to a whole significand; a subnormal has fewer bits.
    exponent--
    for (let surplus = -1022 - exponent; surplus > 0; surplus -= maxShift) {
      const bits = min(surplus, maxShift)
      this.shiftRight(bits)
      exponent += bits
    }
    this.shiftLeft(53)
    let significand = this.rounded()
    if (significand == (<u64>1) << 53) {
      significand >>= 1
      exponent++
    }
    if (exponent > 1023) return Infinity
    const biased: u64 = significand < (<u64>1) << 52 ? 0 : exponent + 1023
    return reinterpret<f64>((biased << 52) | (significand & 0x000fffffffffffff))
  }

  private push(digit: u8): void {
    if (this.count < maxDigits) this.digits[this.count++] = digit
    else if (digit != 0) this.more = true
  }

  private trim(): void {
    while (this.count > 0 && this.digits[this.count - 1] == 0) this.count--
    if (this.count == 0) this.point = 0
  }

  private shiftRight(bits: i32): void {
    const digits = this.digits
    const mask = ((<u64>1) << bits) - 1
    const count = this.count
    let value: u64 = 0
    let read = 0
    // Up to the first digit of the quotient.
    for (; value >> bits == 0; read++) {
      if (read >= count && value == 0) break
      value = value * 10 + (read < count ? digits[read] : 0)
    }
    this.point -= read - 1
    this.count = 0
    for (; read < count; read++) {
      this.push(<u8>(value >> bits))
      value = (value & mask) * 10 + digits[read]
    }
    while (value != 0) {
      this.push(<u8>(value >> bits))
      value = (value & mask) * 10
    }
    this.trim()
  }

  private shiftLeft(bits: i32): void {
    if (this.count == 0) return
    const digits = this.digits
    let carry: u64 = 0
    for (let at = this.count - 1; at >= 0; at--) {
      const value = (<u64>digits[at] << bits) + carry
      carry = value / 10
      digits[at] = <u8>(value % 10)
    }
    let added = 0
    for (let rest = carry; rest > 0; rest /= 10) added++
    memory.copy(changetype<usize>(digits) + added, changetype<usize>(digits), this.count)
    for (let at = added - 1; at >= 0; at--, carry /= 10) digits[at] = <u8>(carry % 10)
    this.count += added
    this.point += added
    for (; this.count > maxDigits; this.count--) if (digits[this.count - 1] != 0) this.more = true
    this.trim()
  }

  /** To a whole number, ties to even. */
  private rounded(): u64 {
    const digits = this.digits
    let whole: u64 = 0
    for (let at = 0; at < this.point; at++) whole = whole * 10 + (at < this.count ? digits[at] : 0)
    const at = this.point
    if (at < 0 || at >= this.count || digits[at] < 5) return whole
    const tie = digits[at] == 5 && at + 1 == this.count && !this.more
    return tie ? whole + (whole & 1) : whole + 1
  }
}
