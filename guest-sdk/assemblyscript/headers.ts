/** HTTP headers: names in any case, kept in lower case. */
@final
export class Headers {
  private values: Map<string, string> = new Map<string, string>()
  /** @internal Each Set-Cookie is a line of its own: they cannot be joined. */
  setCookies: Array<string> = new Array<string>()

  /** Null if there is none; several values are joined by ", ". */
  get(name: string): string | null {
    const key = name.toLowerCase()
    if (key == "set-cookie") return this.setCookies.length == 0 ? null : this.setCookies.join(", ")
    return this.values.has(key) ? this.values.get(key) : null
  }

  has(name: string): bool {
    return this.get(name) !== null
  }

  set(name: string, value: string): void {
    const key = name.toLowerCase()
    if (key == "set-cookie") this.setCookies = [value]
    else this.values.set(key, value)
  }

  append(name: string, value: string): void {
    const key = name.toLowerCase()
    if (key == "set-cookie") this.setCookies.push(value)
    else this.values.set(key, this.values.has(key) ? this.values.get(key) + ", " + value : value)
  }

  delete(name: string): void {
    const key = name.toLowerCase()
    if (key == "set-cookie") this.setCookies = new Array<string>()
    else this.values.delete(key)
  }

  /** Without set-cookie. */
  get names(): Array<string> {
    return this.values.keys()
  }
}
