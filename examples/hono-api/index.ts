import { Hono } from 'hono'

const app = new Hono()
const todos = [{ id: 1, title: 'thaw', done: false }]

app.get('/', (c) => c.text('Hono on Thaw'))
app.get('/todos', (c) => c.json(todos))
app.get('/todos/:id', (c) => {
  const todo = todos.find(({ id }) => id === Number(c.req.param('id')))
  return todo === undefined ? c.json({ message: 'no such todo' }, 404) : c.json(todo)
})
app.post('/todos', async (c) => {
  const { title } = await c.req.json<{ title?: string }>()
  if (typeof title !== 'string') return c.json({ message: 'a todo has a title' }, 422)
  return c.json({ id: 2, title, done: false }, 201, { Location: '/todos/2' })
})

export default app
