import { markRandomness } from '../random.js'

markRandomness(true)
