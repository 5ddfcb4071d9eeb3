import { expect, test } from 'vitest'
import { sharesOf } from '../../src/controller/provisioning.ts'

const key = (qualifier: string) => ({ accountId: '1', functionName: 'f', qualifier })

test('instances are divided evenly, what is over going to each worker in turn', () => {
  const provisioned = [
    { ...key('1'), concurrency: 5 },
    { ...key('2'), concurrency: 1 },
    { ...key('3'), concurrency: 1 },
  ]
  const shares = sharesOf(provisioned, 2)
  const counts = [0, 1].map((worker) =>
    shares(worker, []).share.map(({ qualifier, instances }) => [qualifier, instances]),
  )
  expect(counts).toEqual([
    [
      ['1', 3],
      ['3', 1],
    ],
    [
      ['1', 2],
      ['2', 1],
    ],
  ])
})

test('a worker is told what differs', () => {
  const told = [
    { ...key('1'), instances: 2 },
    { ...key('2'), instances: 1 },
  ]
  const { share, changed } = sharesOf(
    [
      { ...key('1'), concurrency: 2 },
      { ...key('3'), concurrency: 4 },
    ],
    1,
  )(0, told)
  expect(share).toEqual([
    { ...key('1'), instances: 2 },
    { ...key('3'), instances: 4 },
  ])
  expect(changed).toEqual([
    { ...key('3'), instances: 4 },
    { ...key('2'), instances: 0 },
  ])
})
