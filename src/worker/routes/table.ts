/** The routes that a worker serves, by host. */
import type { HttpRoute } from '../../functions/collaborators.ts'
import { hostNameOf, suffixOf } from '../../functions/routes/hosts.ts'
import { pathParameters, requestSegments } from '../../functions/routes/paths.ts'
import { buildTrie, type RouteTrie } from './trie.ts'

/** Routes of one host, or of all below one. */
interface Site {
  routes: Map<string, HttpRoute>
  /** Made when it is first asked for after a change. */
  trie: RouteTrie | undefined
}

export interface FoundRoute {
  route: HttpRoute
  /** As requested, without port. */
  host: string
  /** What the wildcards of its path stand for. */
  pathParameters: Record<string, string> | undefined
}

export class RouteTable {
  readonly #routes = new Map<string, HttpRoute>()
  readonly #hosts = new Map<string, Site>()
  /** By what is behind `*.`. */
  readonly #wildcards = new Map<string, Site>()
  #changes = 0

  put(route: HttpRoute): void {
    this.remove(route.routeId)
    this.#changes++
    this.#routes.set(route.routeId, route)
    const sites = this.#sitesFor(route.host)
    const name = suffixOf(route.host)
    const site = sites.get(name) ?? { routes: new Map(), trie: undefined }
    sites.set(name, site)
    site.routes.set(route.routeId, route)
    site.trie = undefined
  }

  remove(routeId: string): void {
    const route = this.#routes.get(routeId)
    if (route === undefined) return
    this.#changes++
    this.#routes.delete(routeId)
    const sites = this.#sitesFor(route.host)
    const name = suffixOf(route.host)
    const site = sites.get(name)
    if (site === undefined) return
    site.routes.delete(routeId)
    site.trie = undefined
    if (site.routes.size === 0) sites.delete(name)
  }

  /** Rises with every change. */
  get changes(): number {
    return this.#changes
  }

  get isEmpty(): boolean {
    return this.#routes.size === 0
  }

  /** Whether there is any route for this host, by its name. */
  hasHost(name: string): boolean {
    return this.#sitesOf(name).next().done !== true
  }

  /** `host`: the header. `path`: without query, as on the wire. A host's routes come before those of wildcards, longer ones first. */
  find(host: string, method: string, path: string): FoundRoute | undefined {
    const segments = requestSegments(path)
    if (segments === undefined) return undefined
    const name = hostNameOf(host)
    for (const site of this.#sitesOf(name)) {
      site.trie ??= buildTrie(site.routes.values())
      const match = site.trie.find(method, segments)
      if (match !== undefined)
        return { route: match.route, host: name, pathParameters: pathParameters(match.pattern, segments) }
    }
    return undefined
  }

  /** The most specific first. */
  *#sitesOf(name: string): Generator<Site> {
    const own = this.#hosts.get(name)
    if (own !== undefined) yield own
    if (this.#wildcards.size === 0) return
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const site = this.#wildcards.get(name.slice(dot + 1))
      if (site !== undefined) yield site
    }
  }

  #sitesFor(host: string): Map<string, Site> {
    return host.startsWith('*.') ? this.#wildcards : this.#hosts
  }
}
