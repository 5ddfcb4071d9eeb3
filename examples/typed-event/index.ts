import { z } from 'zod'

const orderSchema = z.object({
  orderId: z.uuid(),
  customer: z.email(),
  items: z
    .array(z.object({ sku: z.string().min(1), quantity: z.int().positive(), priceCents: z.int().nonnegative() }))
    .min(1),
})

type Order = z.infer<typeof orderSchema>

/** Its name is the `errorType` that the caller sees. */
class InvalidOrder extends Error {
  override name = 'InvalidOrder'
}

/** From here on the event has a type. */
export const handler = async (event: unknown): Promise<{ orderId: string; totalCents: number }> => {
  const parsed = orderSchema.safeParse(event)
  if (!parsed.success) throw new InvalidOrder(z.prettifyError(parsed.error))
  return { orderId: parsed.data.orderId, totalCents: totalOf(parsed.data) }
}

const totalOf = ({ items }: Order): number =>
  items.reduce((total, { quantity, priceCents }) => total + quantity * priceCents, 0)
