/** Building blocks of the settings' requests. Patterns: docs.aws.amazon.com/lambda/latest/api. */
import { z } from 'zod'
import { constraints } from '../../functions/violations.ts'
import type { PageInput } from '../../functions/page.ts'
import type { ApiContext } from '../context.ts'
import { integer, optional, parseRequest, text, type TextRule } from '../members.ts'

/** AWS judges the items of a list together, and shows the list. */
export function texts({ max, item }: { max: number; item: Required<Omit<TextRule, 'pattern'>> }) {
  return z.array(z.string()).superRefine((list, context) => {
    if (list.length > max) context.addIssue({ code: 'custom', input: list, message: constraints.maxLength(max) })
    if (list.every(({ length }) => length >= item.minLength && length <= item.maxLength)) return
    const rules = [constraints.maxLength(item.maxLength), constraints.minLength(item.minLength)]
    const message = `Member must satisfy constraint: [${rules.join(', ')}]`
    context.addIssue({ code: 'custom', input: list, message })
  })
}

const pageSchema = z.object({
  Marker: optional(text()),
  MaxItems: optional(z.coerce.number().pipe(integer(1, 50))),
})

export function readPage(c: ApiContext): PageInput {
  const { Marker, MaxItems } = parseRequest(pageSchema, c.req.query())
  return { marker: Marker, maxItems: MaxItems }
}

export const nextMarker = (marker: string | undefined) => (marker === undefined ? {} : { NextMarker: marker })
