import { describe, expect, it } from 'vitest'
import { Lane } from '../../../src/events/async/lane.ts'

const laneOf = (most = 64) => new Lane({ accountId: '1', functionName: 'f' }, most)

describe('the limit of a lane', () => {
  it('is halved once for all that were in work together', () => {
    const lane = laneOf()
    const attempts = Array.from({ length: 10 }, (_, seq) => lane.begin(seq))
    for (const attempt of attempts) lane.refused(attempt, 0, 1_000)
    expect(lane.limit).toBe(32)
    lane.refused(lane.begin(11), 0, 1_000)
    expect(lane.limit).toBe(16)
  })

  it('ends at one, and rests from there on', () => {
    const lane = laneOf(4)
    for (const limit of [2, 1]) {
      lane.refused(lane.begin(limit), 0, 1_000)
      expect([lane.limit, lane.restsUntil]).toEqual([limit, 0])
    }
    lane.refused(lane.begin(5), 70, 1_000)
    expect([lane.limit, lane.restsUntil]).toEqual([1, 1_070])
  })

  it('rises by one a round past where it was halved last', () => {
    const lane = laneOf()
    lane.refused(lane.begin(1), 0, 1_000)
    for (let index = 0; index < 33; index++) lane.accepted()
    expect(lane.limit).toBe(33)
    for (let index = 0; index < 10_000; index++) lane.accepted()
    expect(lane.limit).toBe(64)
  })

  it('counts what is in work', () => {
    const lane = laneOf(2)
    lane.begin(1)
    expect(lane.hasRoom).toBe(true)
    lane.begin(2)
    expect(lane.hasRoom).toBe(false)
    lane.end(1)
    expect(lane.hasRoom).toBe(true)
  })
})

describe('what is ready again', () => {
  it('comes back by age', () => {
    const lane = laneOf()
    lane.ready([7, 3, 12])
    lane.ready([5])
    expect([1, 2, 3, 4, 5].map(() => lane.takeAgain())).toEqual([3, 5, 7, 12, undefined])
  })

  it('is looked at again if it was seen as ready while it was in work', () => {
    const lane = laneOf()
    lane.begin(3)
    lane.begin(4)
    expect([lane.isInWork(3), lane.isInWork(5)]).toEqual([true, false])
    expect(lane.end(4)).toBe(false)
    expect(lane.end(3)).toBe(true)
    expect(lane.takeAgain()).toBe(3)
    expect(lane.isInWork(3)).toBe(false)
  })

  it('keeps the lane from being forgotten, as a lowered limit does', () => {
    const lane = laneOf()
    expect(lane.pristine).toBe(true)
    lane.ready([1])
    expect(lane.pristine).toBe(false)
    lane.takeAgain()
    lane.refused(lane.begin(1), 0, 1_000)
    lane.end(1)
    expect(lane.pristine).toBe(false)
  })
})
