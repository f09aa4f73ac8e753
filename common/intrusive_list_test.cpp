// The properties of intrusive lists: order, membership, and unlinking from anywhere.
#include "common/intrusive_list.h"

#include <vector>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

struct Dirty;
struct Waiting;
struct Item : ListNode<Dirty>, ListNode<Waiting> {
    explicit Item(int n) : number(n) {}
    int number;
    ListNode<Dirty>& dirty() { return *this; }
    ListNode<Waiting>& waiting() { return *this; }
};

template <class L>
std::vector<int> numbers(L& list) {
    std::vector<int> result;
    list.for_each([&result](Item& item) { result.push_back(item.number); });
    return result;
}

template <class L>
void clear(L& list) {
    while (list.pop_front() != nullptr) {
    }
}

using Numbers = std::vector<int>;
using DirtyList = List<Item, Dirty>;
using WaitingList = List<Item, Waiting>;

TEST(List, elements_come_in_the_order_they_were_put_in) {
    Item a(1), b(2), c(3);
    DirtyList list;
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(list.front(), nullptr);
    EXPECT_EQ(list.pop_front(), nullptr);
    list.push_back(b);
    list.push_back(c);
    list.push_front(a);
    EXPECT_EQ(numbers(list), (Numbers{1, 2, 3}));
    EXPECT_EQ(list.front(), &a);
    EXPECT_EQ(list.pop_front(), &a);
    EXPECT_FALSE(a.dirty().is_linked());
    EXPECT_EQ(numbers(list), (Numbers{2, 3}));
    clear(list);
}

TEST(List, an_element_unlinks_itself_from_any_place) {
    Item a(1), b(2), c(3);
    DirtyList list;
    for (Item* item : {&a, &b, &c})
        list.push_back(*item);
    b.dirty().unlink();
    EXPECT_EQ(numbers(list), (Numbers{1, 3}));
    b.dirty().unlink();
    EXPECT_EQ(numbers(list), (Numbers{1, 3})) << "unlinking twice does nothing";
    list.push_back(b);
    c.dirty().unlink();
    a.dirty().unlink();
    EXPECT_EQ(numbers(list), Numbers{2});
    b.dirty().unlink();
    EXPECT_TRUE(list.empty());
}

TEST(List, one_element_is_in_lists_of_several_kinds) {
    Item a(1), b(2);
    DirtyList dirty;
    WaitingList waiting;
    dirty.push_back(a);
    dirty.push_back(b);
    waiting.push_back(b);
    waiting.push_back(a);
    a.dirty().unlink();
    EXPECT_EQ(numbers(dirty), Numbers{2});
    EXPECT_EQ(numbers(waiting), (Numbers{2, 1}));
    clear(dirty);
    clear(waiting);
}

TEST(List, take_all_appends_in_order) {
    Item a(1), b(2), c(3);
    DirtyList to;
    DirtyList from;
    to.push_back(a);
    from.push_back(b);
    from.push_back(c);
    to.take_all(from);
    EXPECT_TRUE(from.empty());
    EXPECT_EQ(numbers(to), (Numbers{1, 2, 3}));
    clear(to);
}

TEST(List, a_visitor_may_unlink_the_element_it_visits) {
    Item a(1), b(2), c(3);
    DirtyList list;
    for (Item* item : {&a, &b, &c})
        list.push_back(*item);
    list.for_each([](Item& item) {
        if (item.number != 2) item.dirty().unlink();
    });
    EXPECT_EQ(numbers(list), Numbers{2});
    clear(list);
}

TEST(ListDeathTest, misuse_is_found_at_once) {
    EXPECT_DEATH(
        {
            DirtyList list;
            Item item(1);
            list.push_back(item);
            list.push_back(item);
        },
        "one list of a kind");
    EXPECT_DEATH(
        {
            DirtyList list;
            Item item(1);
            list.push_back(item);
        },
        "dies while it is linked");
    EXPECT_DEATH(
        {
            auto* item = new Item(1);
            DirtyList list;
            list.push_back(*item);
        },
        "dies with elements");
}

}  // namespace
}  // namespace mcpgw
