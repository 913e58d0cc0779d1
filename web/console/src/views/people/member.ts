import type { Schemas } from '@/api/client'
import type { MemberForm } from './MemberFields.vue'

export function blank(relation = ''): MemberForm {
  return { name: '', relation, gender: 'unknown', birth: '', phone: '', id_number: '' }
}

export function from(v: Schemas['Villager']): MemberForm {
  return { name: v.name, relation: v.relation, gender: v.gender, birth: v.birth ?? '', phone: '', id_number: '' }
}

// input leaves out what was not filled in; for a change that means: as it was.
export function input(f: MemberForm): Schemas['PersonInput'] {
  return {
    name: f.name.trim(),
    relation: f.relation || undefined,
    gender: f.gender === 'unknown' ? undefined : f.gender,
    birth: f.birth || undefined,
    phone: f.phone.trim() || undefined,
    id_number: f.id_number.trim() || undefined,
  }
}
