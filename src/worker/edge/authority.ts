/**
 * RFC 3986's host and port, without userinfo, and of registered names only those that DNS could have: what a proxy in
 * front could read otherwise (commas, spaces, slashes, percent signs) is in none.
 */
const pattern = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{0,5}))?$/

export function isAuthority(text: string): boolean {
  const match = pattern.exec(text)
  return match !== null && Number(match[1] ?? 0) <= 65_535
}
