/** Operations of Thaw's own, beside those of the model. The version in their paths is the day when they were made. */
import type { Operation } from '../operations.ts'

const collection = '/2026-11-22/routes'
const member = `${collection}/:RouteId`

export const routeOperations: readonly Operation[] = [
  { name: 'CreateRoute', method: 'POST', path: collection },
  { name: 'ListRoutes', method: 'GET', path: collection },
  { name: 'GetRoute', method: 'GET', path: member },
  { name: 'UpdateRoute', method: 'PUT', path: member },
  { name: 'DeleteRoute', method: 'DELETE', path: member },
]
