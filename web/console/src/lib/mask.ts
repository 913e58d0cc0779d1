// masked hides part of a name the way public notices do: 张*、张*三、欧**三. Names of places and branches are left as they are.
export function masked(name: string): string {
  const c = [...name]
  if (c.length < 2) return name
  if (c.length === 2) return c[0] + '*'
  return c[0] + '*'.repeat(c.length - 2) + c[c.length - 1]
}
