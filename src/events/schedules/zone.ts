/** A time zone's wall clock. Wall-clock times are held as the ms that UTC would have if its clocks showed the same. */

export interface Zone {
  /** What the clocks show at that instant, to the second. */
  wallAt(instant: number): number
  /** When the clocks show that for the first time; undefined if they never do (they were set forward over it). */
  instantOf(wall: number): number | undefined
  /** As `instantOf`; a time that never was is taken as if the clocks had not yet been set forward. */
  nearestInstantOf(wall: number): number
}

const dayMs = 86_400_000

/** Undefined if there is no such zone in the IANA database. */
export function createZone(name: string): Zone | undefined {
  const format = formatOf(name)
  if (format === undefined) return undefined

  const wallAt = (instant: number): number => {
    const fields: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(instant)) fields[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields
    return Date.UTC(year, month - 1, day, hour, minute, second)
  }

  const offsetAt = (instant: number): number => wallAt(instant) - Math.floor(instant / 1_000) * 1_000
  /** The offsets before and after a change near that time; the earlier is the larger when clocks go back. */
  const offsetsAround = (wall: number): [before: number, after: number] => [
    offsetAt(wall - dayMs),
    offsetAt(wall + dayMs),
  ]

  const instantOf = (wall: number): number | undefined => {
    const instants = offsetsAround(wall)
      .map((offset) => wall - offset)
      .filter((instant) => wallAt(instant) === wall)
    return instants.length === 0 ? undefined : Math.min(...instants)
  }

  return {
    wallAt,
    instantOf,
    nearestInstantOf: (wall) => instantOf(wall) ?? wall - offsetsAround(wall)[0],
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  const fields = { year: 'numeric', month: 'numeric', day: 'numeric' } as const
  const clock = { hour: 'numeric', minute: 'numeric', second: 'numeric', hourCycle: 'h23' } as const
  try {
    return new Intl.DateTimeFormat('en-u-ca-iso8601', { timeZone, ...fields, ...clock })
  } catch {
    return undefined
  }
}

/** Zones are dear to make, and schedules share them. */
export function createZones(): (name: string) => Zone | undefined {
  const made = new Map<string, Zone>()
  return (name) => {
    const known = made.get(name)
    if (known !== undefined) return known
    const zone = createZone(name)
    if (zone !== undefined) made.set(name, zone)
    return zone
  }
}
