package api

import (
	"context"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/people"
)

const tagPeople = "户与村民"

// Household is the owner of a wallet.
type Household struct {
	ID       id.ID  `json:"id"`
	Village  id.ID  `json:"village"`
	Group    id.ID  `json:"group,omitempty"`
	Code     string `json:"code" doc:"户码"`
	CodeText string `json:"code_text" doc:"户码，分段写，便于念"`
	Head     id.ID  `json:"head"`
	HeadName string `json:"head_name" doc:"户主"`
	Initials string `json:"initials"`
	Address  string `json:"address"`
	State    string `json:"state" enum:"here,moved,merged"`
	Into     id.ID  `json:"into,omitempty" doc:"并入了哪一户"`
	Match    string `json:"match,omitempty" doc:"查找时，对上的是哪位家庭成员"`
}

// Villager is a person of a household.
type Villager struct {
	ID        id.ID   `json:"id"`
	Village   id.ID   `json:"village"`
	Household id.ID   `json:"household"`
	Name      string  `json:"name"`
	Initials  string  `json:"initials"`
	Relation  string  `json:"relation" doc:"与户主关系"`
	Gender    string  `json:"gender" enum:"unknown,male,female"`
	Birth     cal.Day `json:"birth,omitempty"`
	PhoneTail string  `json:"phone_tail" doc:"手机号后四位"`
	State     string  `json:"state" enum:"here,moved,died"`
}

// HouseholdDetail is a household with its members, the head first.
type HouseholdDetail struct {
	Household
	Members []Villager `json:"members"`
}

// PersonInput is a person to be entered or changed.
type PersonInput struct {
	Name     string   `json:"name" minLength:"1" maxLength:"20"`
	Relation string   `json:"relation,omitempty" maxLength:"8" doc:"与户主关系，户主填“户主”"`
	Gender   string   `json:"gender,omitempty" enum:"unknown,male,female" doc:"填了身份证号可不填"`
	Birth    *cal.Day `json:"birth,omitempty"`
	Phone    string   `json:"phone,omitempty" maxLength:"20"`
	IDNumber string   `json:"id_number,omitempty" maxLength:"20" doc:"只用来查重，不保存号码本身"`
}

// HouseholdInput makes a household.
type HouseholdInput struct {
	Village id.ID         `json:"village"`
	Group   id.ID         `json:"group,omitempty"`
	Address string        `json:"address,omitempty" maxLength:"50"`
	Members []PersonInput `json:"members" minItems:"1" maxItems:"50" doc:"第一位是户主"`
}

// HouseholdChange changes a household; what is left out stays.
type HouseholdChange struct {
	Group   *id.ID  `json:"group,omitempty"`
	Address *string `json:"address,omitempty" maxLength:"50"`
	Head    *id.ID  `json:"head,omitempty" doc:"户主，须是本户成员"`
	State   *string `json:"state,omitempty" enum:"here,moved"`
}

// VillagerChange replaces what is known of a person; an empty phone or identity number keeps the one there is.
type VillagerChange struct {
	PersonInput
	State string `json:"state,omitempty" enum:"here,moved,died"`
}

// Phone is a whole telephone number.
type Phone struct {
	Phone string `json:"phone"`
}

var (
	householdStates = words[int]{people.HouseholdHere: "here", people.HouseholdMoved: "moved", people.HouseholdMerged: "merged"}
	villagerStates  = words[int]{people.VillagerHere: "here", people.VillagerMoved: "moved", people.VillagerDied: "died"}
	genders         = words[int]{0: "unknown", 1: "male", 2: "female"}
)

func householdOut(h people.Household) Household {
	return Household{ID: h.ID, Village: h.Village, Group: h.Group, Code: h.Code, CodeText: people.FormatHouseCode(h.Code), Head: h.Head, HeadName: h.HeadName,
		Initials: h.Initials, Address: h.Address, State: householdStates[h.State], Into: h.MergedInto}
}

func villagerOut(v people.Villager) Villager {
	return Villager{ID: v.ID, Village: v.Village, Household: v.Household, Name: v.Name, Initials: v.Initials, Relation: v.Relation,
		Gender: genders[v.Gender], Birth: v.Birth, PhoneTail: v.PhoneTail, State: villagerStates[v.State]}
}

func (p PersonInput) domain() people.Person {
	out := people.Person{Name: p.Name, Relation: p.Relation, Gender: genders.value(p.Gender), Phone: p.Phone, IDNumber: p.IDNumber}
	if p.Birth != nil {
		out.Birth = *p.Birth
	}
	return out
}

// HouseholdQuery narrows a list of households.
type HouseholdQuery struct {
	PageQuery
	Village Key    `query:"village" doc:"只看一个村"`
	Group   Key    `query:"group" doc:"只看一个组"`
	Grid    Key    `query:"grid" doc:"只看一个网格"`
	Q       string `query:"q" maxLength:"50" doc:"姓名、拼音、首字母、户码或手机号后四位"`
	Moved   bool   `query:"moved" doc:"连已迁出、已并户的户也列出"`
}

// householdPage is a page of the households in the actor's reach, in order of house code.
func (s *Server) householdPage(ctx context.Context, actor auth.Actor, in HouseholdQuery) (Page[Household], error) {
	after, err := position[string](in.Cursor)
	if err != nil {
		return Page[Household]{}, err
	}
	list, err := s.deps.People.Households(ctx, actor, people.Search{Village: in.Village.V, Group: in.Group.V, Grid: in.Grid.V, Text: in.Q, Moved: in.Moved, After: after, Limit: in.Limit})
	page := Page[Household]{Items: mapped(list, func(f people.Found) Household {
		h := householdOut(f.Household)
		h.Match = f.Match
		return h
	})}
	if len(list) == in.Limit {
		page.Next = cursor(list[len(list)-1].Code)
	}
	return page, err
}

func (s *Server) peopleOps() {
	register(s, Op{ID: "household-list", Method: "GET", Path: "/households", Summary: "查找户", Note: "按户码排列。", Tag: tagPeople, Perm: auth.PeopleRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *HouseholdQuery) (Page[Household], error) {
			return s.householdPage(ctx, c.Actor, *in)
		})
	registerFile(s, Op{ID: "household-export", Method: "GET", Path: "/households.xlsx", Summary: "户的名单和积分，Excel", Note: noteExport, Tag: tagPeople, Perm: auth.PeopleRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *HouseholdQuery) (*file, error) {
			return s.householdSheet(ctx, c, *in)
		})
	register(s, Op{ID: "household-create", Method: "POST", Path: "/households", Summary: "登记一户", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct{ Body HouseholdInput }) (Household, error) {
			b := in.Body
			h, err := s.deps.People.CreateHousehold(ctx, c.Actor, people.NewHousehold{Village: b.Village, Group: b.Group, Address: b.Address, Members: mapped(b.Members, PersonInput.domain)})
			return householdOut(h), err
		})
	register(s, Op{ID: "household-get", Method: "GET", Path: "/households/{id}", Summary: "一户和它的成员", Tag: tagPeople, Perm: auth.PeopleRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *ByID) (HouseholdDetail, error) {
			h, members, err := s.deps.People.Household(ctx, c.Actor, in.ID.V)
			return HouseholdDetail{householdOut(h), mapped(members, villagerOut)}, err
		})
	register(s, Op{ID: "household-update", Method: "PUT", Path: "/households/{id}", Summary: "修改一户", Note: "没有填的项不变。", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body HouseholdChange
		}) (Household, error) {
			change := people.HouseholdChange{Group: in.Body.Group, Address: in.Body.Address, Head: in.Body.Head}
			if in.Body.State != nil {
				change.State = ptr(householdStates.value(*in.Body.State))
			}
			h, err := s.deps.People.UpdateHousehold(ctx, c.Actor, in.ID.V, change)
			return householdOut(h), err
		})
	register(s, Op{ID: "member-add", Method: "POST", Path: "/households/{id}/members", Summary: "给一户增加成员", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body PersonInput
		}) (Villager, error) {
			v, err := s.deps.People.AddMember(ctx, c.Actor, in.ID.V, in.Body.domain())
			return villagerOut(v), err
		})
	register(s, Op{ID: "villager-update", Method: "PUT", Path: "/villagers/{id}", Summary: "修改村民", Note: "手机号、身份证号留空就不变。", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body VillagerChange
		}) (Villager, error) {
			state := people.VillagerHere
			if in.Body.State != "" {
				state = villagerStates.value(in.Body.State)
			}
			v, err := s.deps.People.UpdateVillager(ctx, c.Actor, in.ID.V, in.Body.domain(), state)
			return villagerOut(v), err
		})
	register(s, Op{ID: "villager-phone", Method: "GET", Path: "/villagers/{id}/phone", Summary: "村民的完整手机号", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *ByID) (Phone, error) {
			p, err := s.deps.People.Phone(ctx, c.Actor, in.ID.V)
			return Phone{p}, err
		})
	s.rosterOps()
	s.gridOps()
	s.regroupOps()
	s.loginOps()
}
