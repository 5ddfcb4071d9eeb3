/** From here to unmarked-end.js, packages of the SDK draw numbers that do not matter (core-js makes its keys unlikely). */
import { markRandomness } from '../random.js'

markRandomness(false)
